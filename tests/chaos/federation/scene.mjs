/* What all faults share: moments, and the proof that the others go on meanwhile. */
import { until } from '../member.mjs';

const GOES_ON_MS = 30000;

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/* A moment in the middle of things: right after some answer. */
export const moment = (s, index) => Promise.race([s.traffic.more(1 + s.random.below(8), index), wait(1500)]);

/* The transaction log grows at this member while others are not there. */
export async function goesOn(s, index) {
    const [, before] = await until('a state', GOES_ON_MS, () => s.fleet.sizes(index));
    await until(`new entries at member ${index + 1}`, GOES_ON_MS, async () => {
        const now = await s.fleet.sizes(index);
        return now && now[1] > before + 3;
    });
}
export const others = (s, ...indices) => s.fleet.members.map((_, i) => i).filter((i) => !indices.includes(i));
export const one = (s) => s.random.below(s.fleet.members.length);
