-- A worker was not heard of for too long: what it never fetched goes back to the backlog, what it had
-- fetched is lost, and named.
--
-- ARGV[4] its key, [5] its epoch, [6] its name
-- KEYS after the fixed ones: its queue
-- OK, how many went back, names of the lost. ALIVE: it is there, or another life of it.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w, epoch = tonumber(ARGV[4]), tonumber(ARGV[5])
local s = slot(w)
local timer = 'W' .. pack('>I4I4', w, epoch)
if not s or s.epoch ~= epoch or s.status ~= GONE or not call('ZSCORE', TIMERS, timer) then
  return answer('ALIVE')
end
local fetched = tonumber(call('HGET', FETCHED, w) or '0')
local queue = call('ZRANGE', KEYS[QUEUE + 1], 0, -1, 'WITHSCORES')
local keys = {}
for i = 1, #queue, 2 do keys[#keys + 1] = queue[i] end
local records = read('HMGET', RECORDS, keys)
local ready, gone, gone_records, names = {}, {}, {}, {}
for i = 1, #keys do
  if tonumber(queue[2 * i]) > fetched then
    ready_again(ready, keys[i], records[i])
  else
    gone[#gone + 1] = keys[i]
    gone_records[#gone_records + 1] = records[i]
    names[#names + 1] = name_of(records[i])
  end
end
write('ZADD', READY, ready)
call('DEL', KEYS[QUEUE + 1])
lose(ARGV[6], names)
forget(gone, gone_records)
call('ZREM', TIMERS, timer)
call('HDEL', FETCHED, w)
call('HDEL', ACKED, w)
s.cpu, s.memory, s.gpus, s.containers = 0, 0, 0, 0
touch(w)
finish()
return answer('OK', #ready / 2, names)
