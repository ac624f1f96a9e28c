-- Lets go of a lock, if it is still the caller's.
-- KEYS[1] the lock, ARGV[1] the caller's token. Returns 1, or 0 if it was not the caller's.
if call('GET', KEYS[1]) == ARGV[1] then
    return call('DEL', KEYS[1])
end
return 0
