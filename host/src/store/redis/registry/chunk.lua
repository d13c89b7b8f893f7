-- Some structures of a keyed view change places: each that comes into the readers' place in the same instant as the one
-- that was there goes away. Its one argument is a JSON object, built by chunk.rs. Gives how many moved; -1 if the record
-- is not what it was.
local ask = cjson.decode(ARGV[1])
local call = redis.call

if call('GET', ask.record) ~= ask.text then
  return -1
end

local function move(side, key)
  if call('SMOVE', side.index, side.moved, key) == 1 then
    local from, to = side.from .. key, side.to .. key
    call('UNLINK', to)
    if call('EXISTS', from) == 1 then
      call('RENAME', from, to)
    end
  end
end

if ask.into then
  local keys = call('SRANDMEMBER', ask.into.index, ask.count)
  for _, key in ipairs(keys) do
    if ask.away then
      move(ask.away, key)
    end
    move(ask.into, key)
  end
  if #keys > 0 then
    return #keys
  end
end

-- What has no successor goes last.
if ask.away then
  local keys = call('SRANDMEMBER', ask.away.index, ask.count)
  for _, key in ipairs(keys) do
    move(ask.away, key)
  end
  return #keys
end
return 0
