-- Takes containers into the backlog: all, or none.
--
-- ARGV from 4 on, for each container: name, record without the seq and the time, payload
-- OK, the first key: the others follow it. KNOWN, the name that is there already.
time()
local stop = guard('next_container')
if stop then return answer(stop, M.incarnation) end
local names, seen = {}, {}
for at = 4, #ARGV, 3 do
  if seen[ARGV[at]] then return answer('KNOWN', ARGV[at]) end
  seen[ARGV[at]] = true
  names[#names + 1] = ARGV[at]
end
local known = read('HMGET', NAMES, names)
for i = 1, #names do
  if known[i] then return answer('KNOWN', names[i]) end
end
reap()
local first = tonumber(M.more[1]) + 1
local came = pack('>I8', now)
local keys, records, payloads, ready = {}, {}, {}, {}
for i = 1, #names do
  local key = pack('>I8', first + i - 1)
  M.seq = M.seq + 1
  local text = ARGV[3 * i + 2]
  local record = sub(text, 1, 18) .. pack('>I8', M.seq) .. came .. sub(text, 19)
  keys[#keys + 1] = names[i]
  keys[#keys + 1] = key
  records[#records + 1] = key
  records[#records + 1] = record
  if ARGV[3 * i + 3] ~= '' then
    payloads[#payloads + 1] = key
    payloads[#payloads + 1] = ARGV[3 * i + 3]
  end
  ready_again(ready, key, record)
end
write('HSET', NAMES, keys)
write('HSET', RECORDS, records)
write('HSET', PAYLOADS, payloads)
write('ZADD', READY, ready)
set('next_container', exact(first + #names - 1))
set('next_seq', exact(M.seq))
finish()
return answer('OK', first)
