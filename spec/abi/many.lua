-- `make abi N=5000 SEED=1`: random calls and callbacks, in batches, against C that is compiled with
-- ABI_CFLAGS. Prints one line a batch and what went wrong; fails when anything did.

local generator = require "spec.abi.generator"
local check = require "spec.abi.check"
local moonpool = require "moonpool"

local BATCH = 200

local n, seed = math.tointeger(tonumber(arg[1])) or 5000, math.tointeger(tonumber(arg[2])) or 1
local flags = os.getenv "ABI_CFLAGS" or "-O1"
local folder = generator.folder()
local calls, callbacks, refusals, wrong = 0, 0, 0, {}

for first = 1, n, BATCH do
  local batch = generator.make(seed, math.min(BATCH, n - first + 1), { extended = seed % 5 == 0 })
  local path = generator.compile(batch, folder, flags)
  for _, one in ipairs { check.call, check.callback } do
    local right, refused, complaints = check.batch(moonpool.FFI(), batch, path, one)
    if one == check.call then calls = calls + right else callbacks = callbacks + right end
    refusals = refusals + refused
    table.move(complaints, 1, #complaints, #wrong + 1, wrong)
  end
  print(("seed %d: %d calls and %d callbacks right, %d refused, %d wrong"):format(
    seed, calls, callbacks, refusals, #wrong))
  if #wrong == 0 then generator.remove(batch, folder) end
  seed = seed + 1
end
for i = 1, math.min(#wrong, 20) do print(wrong[i]) end
if #wrong == 0 then os.remove(folder) end
os.exit(#wrong == 0, true)
