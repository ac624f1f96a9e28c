
end
-- Redis hands a pcall the text of an error, whatever it was raised with. The server's own begin with a
-- code, Lua's with a place.
local ok, reply = pcall(script)
if ok then return {calls, reply} end
if not string.match(reply, '^%u+ ') then reply = 'ERR ' .. reply end
return {calls, {err = reply}}
