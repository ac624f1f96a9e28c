-- Containers have ended on their workers.
--
-- ARGV[4] for each part worker (4), count (4); ARGV[5] keys (8 each), or empty and then from [6] on names
-- KEYS after the fixed ones: the queue of each part's worker
-- OK, a byte for each container: 1 if it was there, capacity updates. RECOVERING, how many are waited for.
local stop = guard()
if stop then return answer(stop, M.incarnation) end
local workers, counts = {}, {}
for pos = 1, #ARGV[4], 8 do
  workers[#workers + 1], counts[#counts + 1] = parse('>I4I4', ARGV[4], pos)
end
if M.unreported > 0 then
  for p = 1, #workers do
    if waits_for(workers[p]) then return answer('RECOVERING', M.unreported) end
  end
end
local keys = split_keys(ARGV[5])
if ARGV[6] then
  local names = {}
  for i = 6, #ARGV do names[#names + 1] = ARGV[i] end
  keys = read('HMGET', NAMES, names)
end
load(workers)
local there, parts, done, once = {}, {}, {}, {}
local at = 0
for p = 1, #workers do
  local asked, places, mine = {}, {}, {}
  local s = slots[workers[p]]
  for i = at + 1, at + counts[p] do
    done[i] = '\0'
    if keys[i] and s and s.status ~= GONE then
      asked[#asked + 1] = keys[i]
      places[#places + 1] = i
    end
  end
  at = at + counts[p]
  local scores = read('ZMSCORE', KEYS[QUEUE + p], asked)
  for i = 1, #asked do
    if scores[i] and not once[asked[i]] then
      once[asked[i]] = true
      done[places[i]] = '\1'
      mine[#mine + 1] = asked[i]
      there[#there + 1] = asked[i]
    end
  end
  parts[p] = mine
end
local records = read('HMGET', RECORDS, there)
local updates, r = 0, 0
for p = 1, #workers do
  local s = slots[workers[p]]
  for _ = 1, #parts[p] do
    r = r + 1
    charge(s, records[r], -1)
  end
  if #parts[p] > 0 then
    write('ZREM', KEYS[QUEUE + p], parts[p])
    s.version = s.version + 1
    updates = updates + 1
    touch(workers[p])
  end
end
forget(there, records)
finish()
return answer('OK', concat(done), updates)
