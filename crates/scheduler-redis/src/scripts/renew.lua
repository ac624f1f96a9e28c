-- Holds everything that the caller holds for longer. Looks at every timer, so it is no call of the
-- steady state.
--
-- ARGV[4] token, [5] for how many microseconds from now
-- OK, how many. FENCED.
time()
local stop = guard('s:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
if not M.more[1] then return answer('FENCED') end
local mine = 'L' .. ARGV[4]
local until_us = exact(now + tonumber(ARGV[5]))
local renewed, at = {}, 0
while true do
  local members = call('ZRANGE', TIMERS, at, at + CHUNK - 1)
  for i = 1, #members do
    if sub(members[i], 1, 9) == mine then
      renewed[#renewed + 1] = until_us
      renewed[#renewed + 1] = members[i]
    end
  end
  if #members < CHUNK then break end
  at = at + CHUNK
end
for first = 1, #renewed, CHUNK do
  call('ZADD', TIMERS, 'GT', unpack(renewed, first, math.min(first + CHUNK - 1, #renewed)))
end
return answer('OK', #renewed / 2)
