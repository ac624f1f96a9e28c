-- Holds everything that the caller holds for longer.
--
-- ARGV[4] token, [5] for how many microseconds from now
-- OK, how many. FENCED.
time()
local stop = guard('s:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
if not M.more[1] then return answer('FENCED') end
local ends = now + tonumber(ARGV[5])
local claims, timers, count = holdings(ARGV[4]), {}, 0
for c = 1, #claims do
  local claim = claims[c]
  claim.ends = math.max(claim.ends, ends)
  timers[#timers + 1] = exact(claim.ends)
  timers[#timers + 1] = 'L' .. ARGV[4] .. pack('>I8', claim.number)
  count = count + #claim.keys
end
if count > 0 then
  write('ZADD', TIMERS, timers)
  write_holdings(ARGV[4])
end
return answer('OK', count)
