-- Gives up a container that the caller holds and whose record cannot be read.
--
-- ARGV[4] token, [5] key, [6] its name, or empty if it has none, [7] the reason
-- OK, how many. FENCED.
local stop = guard('s:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
if not M.more[1] then return answer('FENCED') end
if not held_by(ARGV[4])[ARGV[5]] then return answer('OK', 0) end
call('RPUSH', REFUSED, ARGV[6] .. '\n' .. ARGV[7])
call('LTRIM', REFUSED, -LISTED, -1)
let_go(ARGV[4], { [ARGV[5]] = true })
write_holdings(ARGV[4])
if ARGV[6] ~= '' then call('HDEL', NAMES, ARGV[6]) end
call('HDEL', RECORDS, ARGV[5])
call('HDEL', PAYLOADS, ARGV[5])
return answer('OK', 1)
