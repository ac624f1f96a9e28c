-- Says whether a worker takes containers.
--
-- ARGV[4] name, [5] status
-- OK. UNKNOWN: no such worker.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w = tonumber(call('HGET', WORKERS, ARGV[4]) or nil)
local s = w and slot(w)
if not s or s.status == GONE then return answer('UNKNOWN') end
s.status = tonumber(ARGV[5])
touch(w)
finish()
return answer('OK')
