-- One step of the control plane, in one atomic step of Redis: compare the record, check what must hold of the
-- checkpoints, then make the change with all that follows from it. Its one argument is a JSON object, built by
-- change.rs; every key name in it comes from there.
local ask = cjson.decode(ARGV[1])
local call = redis.call

local function lanes_of(generation)
  local keys = {}
  for _, share in ipairs(call('SMEMBERS', generation.lanes)) do
    keys[#keys + 1] = generation.lane .. share
  end
  return keys
end

-- The marks of all lanes of a generation: field -> {next, newest}.
local function marks_of(generation)
  local marks = {}
  for _, key in ipairs(lanes_of(generation)) do
    local fields = call('HGETALL', key)
    for i = 1, #fields, 2 do
      local next_offset, newest = string.match(fields[i + 1], '^(%d+) (%-?%d+)$')
      if next_offset and string.find(fields[i], '/', 1, true) then
        marks[fields[i]] = { next_offset, newest }
      end
    end
  end
  return marks
end

if call('GET', ask.record) ~= ask.before then
  return { 'changed' }
end

if ask.reached then
  local by, of = marks_of(ask.reached.by), marks_of(ask.reached.of)
  local function counts(field)
    for _, topic in ipairs(ask.reached.except) do
      -- What follows a topic's name and the slash is the number of a partition.
      if string.sub(field, 1, #topic) == topic and not string.find(field, '/', #topic + 1, true) then
        return false
      end
    end
    return true
  end
  for field, mark in pairs(of) do
    local found = by[field] and by[field][1] or '0'
    if counts(field) and tonumber(found) < tonumber(mark[1]) then
      return { 'behind', field, mark[1], found }
    end
  end
end

local structures = 0
for _, keyed in ipairs(ask.keyed) do
  structures = structures + call('SCARD', keyed.index)
end
if structures > ask.keyed_max then
  return { 'too many', tostring(structures) }
end

-- Fence first: a lane whose epoch has moved or whose hash is gone can't commit any more.
for _, generation in ipairs(ask.fence) do
  for _, key in ipairs(lanes_of(generation)) do
    call('HINCRBY', key, 'epoch', 1)
  end
end
for _, place in ipairs(ask.places) do
  call('HSET', place.generation, unpack(place.fields))
end
for _, generation in ipairs(ask.forget) do
  for _, share in ipairs(call('SMEMBERS', generation.lanes)) do
    call('UNLINK', generation.lane .. share, generation.dead .. share, generation.retry .. share)
  end
  call('DEL', generation.lanes, generation.generation)
end

local function move(from, to)
  -- Nothing should stand there; if something does, it is freed without keeping anyone waiting.
  call('UNLINK', to)
  if call('EXISTS', from) == 1 then
    call('RENAME', from, to)
  end
end
for _, step in ipairs(ask.moves) do
  if step.index then
    for _, key in ipairs(call('SMEMBERS', step.index)) do
      move(step.from .. key, step.to .. key)
    end
    -- Those that moved before, in chunks, are listed again.
    if call('EXISTS', step.moved) == 1 then
      call('SUNIONSTORE', step.index, step.index, step.moved)
      call('UNLINK', step.moved)
    end
  else
    move(step.from, step.to)
  end
end

for _, index in ipairs(ask.unlist) do
  call('UNLINK', index)
end

if ask.readers then
  call('DEL', ask.readers.key)
  if ask.readers.generation then
    call('HSET', ask.readers.key, 'generation', ask.readers.generation)
    for field, mark in pairs(marks_of(ask.readers.lanes)) do
      call('HSET', ask.readers.key, field, mark[1], field .. '/time', mark[2])
    end
  end
end

for _, prefix in ipairs(ask.forgive) do
  for _, field in ipairs(call('HKEYS', ask.faults)) do
    if string.sub(field, 1, #prefix) == prefix then
      call('HDEL', ask.faults, field)
    end
  end
end

if ask.after then
  call('SET', ask.record, ask.after)
  call('SADD', ask.names, ask.name)
else
  call('DEL', ask.record)
  call('SREM', ask.names, ask.name)
end
call('HINCRBY', ask.installation, 'changes', 1)
if ask.entry then
  call('XADD', ask.history, 'MAXLEN', '~', '10000', '*', unpack(ask.entry))
end
call('PUBLISH', ask.channel, ask.name)
return { 'done' }
