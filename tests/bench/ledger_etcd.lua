-- For wrk: each request puts a value as large as a hash under a new key. 24 digits are 32 characters of base64.
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local value = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
local headers = { ["Content-Type"] = "application/json" }
local n = 0

local function base64(text)
    local out = {}
    for i = 1, #text, 3 do
        local a, b, c = text:byte(i, i + 2)
        local bits = a * 65536 + b * 256 + c
        for shift = 18, 0, -6 do
            local at = math.floor(bits / 2 ^ shift) % 64 + 1
            out[#out + 1] = alphabet:sub(at, at)
        end
    end
    return table.concat(out)
end

local run = os.time()
function request()
    n = n + 1
    local body = '{"key":"' .. base64(string.format("%012d%012d", run, n)) .. '","value":"' .. value .. '"}'
    return wrk.format("POST", nil, headers, body)
end
