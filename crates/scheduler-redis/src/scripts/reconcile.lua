-- A worker says what it has: what it fetched and does not have is released.
--
-- ARGV[4] its key, from [5] on the names of what it has
-- KEYS after the fixed ones: its queue
-- OK, names of the released, names of strays, capacity updates. UNKNOWN. RECOVERING, as release.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local w = tonumber(ARGV[4])
local s = slot(w)
if not s or s.status == GONE then return answer('UNKNOWN') end
if waits_for(w) then return answer('RECOVERING', M.unreported) end
local queue = KEYS[QUEUE + 1]
local names, has = {}, {}
for i = 5, #ARGV do
  names[#names + 1] = ARGV[i]
  has[ARGV[i]] = true
end
local keys = read('HMGET', NAMES, names)
local known, strays = {}, {}
for i = 1, #names do
  if keys[i] then known[#known + 1] = keys[i] end
end
local scores, on = read('ZMSCORE', queue, known), {}
for i = 1, #known do on[known[i]] = scores[i] end
for i = 1, #names do
  if not keys[i] or not on[keys[i]] then strays[#strays + 1] = names[i] end
end
local fetched = call('HGET', FETCHED, w) or '0'
local had = call('ZRANGEBYSCORE', queue, '-inf', fetched)
local records = read('HMGET', RECORDS, had)
local gone, gone_records, released = {}, {}, {}
for i = 1, #had do
  local name = name_of(records[i])
  if not has[name] then
    gone[#gone + 1] = had[i]
    gone_records[#gone_records + 1] = records[i]
    released[#released + 1] = name
    charge(s, records[i], -1)
  end
end
if #gone > 0 then
  write('ZREM', queue, gone)
  forget(gone, gone_records)
  s.version = s.version + 1
  touch(w)
  finish()
end
return answer('OK', released, strays, #gone > 0 and 1 or 0)
