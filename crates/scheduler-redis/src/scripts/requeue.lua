-- Puts containers that the caller holds back until a time.
--
-- ARGV[4] token, [5] in how many microseconds, [6] keys (8 each)
-- OK, how many. FENCED.
time()
local stop = guard('s:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
if not M.more[1] then return answer('FENCED') end
local keys, held = split_keys(ARGV[6]), held_by(ARGV[4])
local records = read('HMGET', RECORDS, keys)
local at = exact(now + tonumber(ARGV[5]))
local timers, changed, gone, count = {}, {}, {}, 0
for i = 1, #keys do
  if held[keys[i]] and records[i] and not gone[keys[i]] then
    gone[keys[i]] = true
    count = count + 1
    local attempts = parse('>I4', records[i], 15)
    M.seq = M.seq + 1
    changed[#changed + 1] = keys[i]
    changed[#changed + 1] = sub(records[i], 1, 14)
      .. pack('>I4', math.min(attempts + 1, 4294967295)) .. sub(records[i], 19)
    timers[#timers + 1] = at
    -- The number keeps those of one time in order.
    timers[#timers + 1] = 'D' .. pack('>I8', M.seq) .. keys[i]
  end
end
if count > 0 then
  write('ZADD', TIMERS, timers)
  write('HSET', RECORDS, changed)
  let_go(ARGV[4], gone)
  write_holdings(ARGV[4])
  set('next_seq', exact(M.seq))
  finish()
end
return answer('OK', count)
