-- The ledger's tables pointed at chain_head, which every write of the market updates: each row of a delivery
-- locked that one hot row FOR KEY SHARE, beside the writer's own lock, and made a multixact of the two. The two
-- chains are fixed; a check says as much and locks nothing.
ALTER TABLE delivery DROP CONSTRAINT delivery_chain_fkey, ADD CHECK (chain IN (1, 2));
ALTER TABLE log_bundle DROP CONSTRAINT log_bundle_chain_fkey, ADD CHECK (chain IN (1, 2));
ALTER TABLE log_tile DROP CONSTRAINT log_tile_chain_fkey, ADD CHECK (chain IN (1, 2));
ALTER TABLE log_checkpoint DROP CONSTRAINT log_checkpoint_chain_fkey, ADD CHECK (chain IN (1, 2));
ALTER TABLE chain_block DROP CONSTRAINT chain_block_chain_fkey, ADD CHECK (chain IN (1, 2));
ALTER TABLE chain_state DROP CONSTRAINT chain_state_chain_fkey, ADD CHECK (chain IN (1, 2));
