-- A worker is there.
--
-- ARGV[4] its key, [5] its epoch, [6] for how many microseconds
-- OK, 1 if it is asked for a report. UNKNOWN.
time()
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w, epoch = tonumber(ARGV[4]), tonumber(ARGV[5])
local s = slot(w)
if not s or s.status == GONE or s.epoch ~= epoch then return answer('UNKNOWN') end
call('ZADD', TIMERS, exact(now + tonumber(ARGV[6])), 'W' .. pack('>I4I4', w, epoch))
return answer('OK', waits_for(w) and 1 or 0)
