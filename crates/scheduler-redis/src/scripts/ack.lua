-- A worker has what it fetched up to a place: the payloads are not needed any more.
--
-- ARGV[4] its key, [5] its epoch, [6] the place
-- KEYS after the fixed ones: its queue
-- OK. UNKNOWN. RECOVERING.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w = tonumber(ARGV[4])
local s = slot(w)
if not s or s.status == GONE or s.epoch ~= tonumber(ARGV[5]) then return answer('UNKNOWN') end
if waits_for(w) then return answer('RECOVERING', M.unreported) end
local acked = call('HGET', ACKED, w) or '0'
if tonumber(ARGV[6]) > tonumber(acked) then
  local keys = call('ZRANGEBYSCORE', KEYS[QUEUE + 1], '(' .. acked, ARGV[6])
  write('HDEL', PAYLOADS, keys)
  call('HSET', ACKED, w, ARGV[6])
end
return answer('OK')
