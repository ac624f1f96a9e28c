-- Removes a worker, with the containers on it.
--
-- ARGV[4] name, [5] its key
-- KEYS after the fixed ones: its queue
-- OK, key, record, ... of the containers. UNKNOWN.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w = tonumber(call('HGET', WORKERS, ARGV[4]) or nil)
local s = w and slot(w)
if not s or w ~= tonumber(ARGV[5]) or s.status == GONE then return answer('UNKNOWN') end
local keys = call('ZRANGE', KEYS[QUEUE + 1], 0, -1)
local records = read('HMGET', RECORDS, keys)
local lost = {}
for i = 1, #keys do
  lost[#lost + 1] = keys[i]
  lost[#lost + 1] = records[i]
end
call('DEL', KEYS[QUEUE + 1])
forget(keys, records)
call('ZREM', TIMERS, 'W' .. pack('>I4I4', w, s.epoch))
call('HDEL', FETCHED, w)
call('HDEL', ACKED, w)
s.status, s.cpu, s.memory, s.gpus, s.containers = GONE, 0, 0, 0, 0
touch(w)
reported(w)
finish()
return answer('OK', lost)
