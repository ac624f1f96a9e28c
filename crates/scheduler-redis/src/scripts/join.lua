-- Draws a token for a scheduler; the earlier one of its name becomes void.
--
-- ARGV[4] the scheduler's name
-- OK, token.
local stop = guard('next_token', 't:' .. ARGV[4])
if stop then return answer(stop, M.incarnation) end
local token = tonumber(M.more[1]) + 1
local bytes = pack('>I8', token)
if M.more[2] then call('HDEL', META, 's:' .. M.more[2]) end
call('HSET', META, 'next_token', exact(token), 't:' .. ARGV[4], bytes, 's:' .. bytes,
  pack('>I8I4I4', 0, 0, 0))
return answer('OK', token)
