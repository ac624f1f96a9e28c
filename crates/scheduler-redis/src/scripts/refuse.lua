-- Gives up containers that the caller holds.
--
-- ARGV[4] token, [5] keys (8 each), from [6] on a reason each
-- OK, how many. FENCED.
local stop = guard('s:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
if not M.more[1] then return answer('FENCED') end
local keys, held = split_keys(ARGV[5]), held_by(ARGV[4])
local records = read('HMGET', RECORDS, keys)
local gone, gone_records, entries, once = {}, {}, {}, {}
for i = 1, #keys do
  if held[keys[i]] and records[i] and not once[keys[i]] then
    once[keys[i]] = true
    gone[#gone + 1] = keys[i]
    gone_records[#gone_records + 1] = records[i]
    entries[#entries + 1] = name_of(records[i]) .. '\n' .. ARGV[5 + i]
  end
end
if #gone > 0 then
  write('RPUSH', REFUSED, entries)
  call('LTRIM', REFUSED, -LISTED, -1)
  let_go(ARGV[4], once)
  write_holdings(ARGV[4])
  forget(gone, gone_records)
end
return answer('OK', #gone)
