-- make headers: every header of list.txt that is installed, whole, in one cdef; each fact
-- judged by the compiler. Prints one line a header, and fails when a fact is wrong.
--
--   lua5.4 spec/headers/run.lua [NAME…]        (from the checkout's root, under `make env`)

local moonpool = require "moonpool"
local corpus = require "spec.headers.corpus"

local folder = os.getenv "MOONPOOL_HEADERS" or "build/headers"
os.execute("mkdir -p '" .. folder .. "'")
local wanted = {}
for _, name in ipairs(arg) do wanted[name] = true end

local failed = false

local function report(name, ok, result)
  local text = "not installed"
  if not ok then
    text = "FAILED: " .. tostring(result):match "[^\n]*"
  elseif result then
    text = ("%d/%d facts, %d KB in %.1f ms"):format(result.facts - #result.wrong, result.facts,
      #result.text // 1024, result.seconds * 1000)
  end
  print(("%-10s %s"):format(name, text))
  io.stdout:flush()
  failed = failed or not ok
  for i, line in ipairs(ok and result and result.wrong or {}) do
    failed = true
    if i <= 10 then print("           " .. line) end
  end
end

for _, entry in ipairs(corpus.entries()) do
  if #arg == 0 or wanted[entry.name] then
    report(entry.name, pcall(corpus.check, moonpool.FFI(), entry, folder))
  end
end
os.exit(not failed)
