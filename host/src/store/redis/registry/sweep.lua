-- Removes a structure, or some structures of a keyed view, of a generation that is to be swept. Its one argument is a JSON
-- object, built by sweep.rs. Gives how many keys of the view were dealt with; -1 if the record is not what it was, for
-- then others may write where the generation stood.
local ask = cjson.decode(ARGV[1])
local call = redis.call

if call('GET', ask.record) ~= ask.text then
  return -1
end
if not ask.index then
  call('UNLINK', ask.key)
  return 0
end
-- Structure and entry go together: whoever is interrupted can go on.
local keys = call('SRANDMEMBER', ask.index, ask.count)
for _, key in ipairs(keys) do
  call('UNLINK', ask.key .. ':' .. key)
  call('SREM', ask.index, key)
end
return #keys
