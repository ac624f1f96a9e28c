-- Hands a worker the containers that came after those it has fetched. To ask again for the same does
-- no harm.
--
-- ARGV[4] its key, [5] its epoch, [6] the place up to which it has fetched, [7] how many at most
-- KEYS after the fixed ones: its queue
-- OK, the place up to which it now has, key, record, payload, ... UNKNOWN. RECOVERING.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w = tonumber(ARGV[4])
local s = slot(w)
if not s or s.status == GONE or s.epoch ~= tonumber(ARGV[5]) then return answer('UNKNOWN') end
if waits_for(w) then return answer('RECOVERING', M.unreported) end
local queue = call('ZRANGEBYSCORE', KEYS[QUEUE + 1], '(' .. ARGV[6], '+inf', 'WITHSCORES', 'LIMIT', 0,
  ARGV[7])
local keys, handed = {}, {}
for i = 1, #queue, 2 do keys[#keys + 1] = queue[i] end
if #keys == 0 then return answer('OK', ARGV[6], handed) end
local records = read('HMGET', RECORDS, keys)
local payloads = read('HMGET', PAYLOADS, keys)
for i = 1, #keys do
  handed[#handed + 1] = keys[i]
  handed[#handed + 1] = records[i]
  handed[#handed + 1] = payloads[i] or ''
end
local upto = queue[#queue]
local fetched = tonumber(call('HGET', FETCHED, w) or '0')
if tonumber(upto) > fetched then call('HSET', FETCHED, w, upto) end
return answer('OK', upto, handed)
