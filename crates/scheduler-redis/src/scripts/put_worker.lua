-- Registers a worker that is not there.
--
-- ARGV[4] name, [5] text, [6] cpu, [7] memory, [8] gpus, [9] status, [10] time to live in microseconds or 0
-- OK, its key, its epoch. THERE: it is. BURY, its key, its epoch: its last life is not buried.
time()
local stop = guard('next_epoch')
if stop then return answer(stop, M.incarnation) end
local w = tonumber(call('HGET', WORKERS, ARGV[4]) or nil)
local s = nil
local text_at, text_len = nil, 0
if w then
  s = slot(w)
  if s.status ~= GONE then return answer('THERE') end
  if call('ZSCORE', TIMERS, 'W' .. pack('>I4I4', w, s.epoch)) then
    return answer('BURY', w, s.epoch)
  end
  text_at, text_len = s.text_at, s.text_len
else
  w = math.floor(call('STRLEN', FLEET) / SLOT)
  s = { epoch = 0 }
end
-- The same text, or a shorter one, takes the old one's place.
if not text_at or #ARGV[5] > text_len then text_at = call('STRLEN', REGISTRY) end
call('SETRANGE', REGISTRY, text_at, ARGV[5])
call('HSET', WORKERS, ARGV[4], w)
-- A life that a store that was set back has forgotten had a smaller number.
local epoch = math.max(s.epoch + 1, tonumber(M.more[1]))
s = { cpu = 0, memory = 0, gpus = 0, total_cpu = tonumber(ARGV[6]), total_memory = tonumber(ARGV[7]),
  total_gpus = tonumber(ARGV[8]), status = tonumber(ARGV[9]), containers = 0, epoch = epoch,
  version = 0, registered = M.revision + 1, text_at = text_at, text_len = #ARGV[5] }
slots[w] = s
touch(w)
if tonumber(ARGV[10]) > 0 then
  call('ZADD', TIMERS, exact(now + tonumber(ARGV[10])), 'W' .. pack('>I4I4', w, s.epoch))
end
finish()
return answer('OK', w, s.epoch)
