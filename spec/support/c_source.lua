-- Reads C sources as text, for house_spec.lua: what a file includes, which functions it
-- defines and how long they are. No parser: it takes the layout that `make format` gives.

local c_source = {}

-- Blanks that keep the lines: everything but newlines becomes a space.
local function blank(s)
  return (s:gsub("[^\n]", " "))
end

-- The text with comments blanked, and with the insides of string and character constants
-- blanked too unless `keep_strings` is true.
local function without_comments(text, keep_strings)
  local out, at = {}, 1
  local function take(stop, as_it_is)
    local piece = text:sub(at, stop)
    out[#out + 1] = as_it_is and piece or blank(piece)
    at = stop + 1
  end
  while at <= #text do
    local start = text:find("[\"'/]", at)
    if not start then
      take(#text, true)
      break
    end
    if start > at then take(start - 1, true) end
    local two = text:sub(at, at + 1)
    if two == "/*" then
      take(select(2, text:find("*/", at + 2, true)) or #text)
    elseif two == "//" then
      take((text:find("\n", at, true) or #text + 1) - 1)
    elseif two:sub(1, 1) == "/" then
      take(at, true)
    else
      local quote, stop = two:sub(1, 1), at + 1
      while stop < #text and text:sub(stop, stop) ~= quote do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
      take(at, true)
      take(stop - 1, keep_strings)
      take(stop, true)
    end
  end
  return table.concat(out)
end

c_source.without_comments = without_comments

--- The includes of a file in order: { name = "base/err.h", line = 4, quoted = true }.
function c_source.includes(text)
  local found, number = {}, 0
  for line in (without_comments(text, true) .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local open, name = line:match '^%s*#%s*include%s*([<"])([^>"]+)[>"]'
    if open then found[#found + 1] = { name = name, line = number, quoted = open == '"' } end
  end
  return found
end

-- Directives, with the lines that they go on over, are no code.
local function without_directives(text)
  local out, inside = {}, false
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local directive = inside or line:find "^%s*#" ~= nil
    inside = directive and line:find "\\%s*$" ~= nil
    out[#out + 1] = directive and blank(line) or line
  end
  return table.concat(out, "\n")
end

local function line_of(text, position)
  local _, newlines = text:sub(1, position - 1):gsub("\n", "")
  return newlines + 1
end

--- The functions that a file defines: { name, static, line, lines }, from the first line of
--- the signature to the closing brace. The second result is a complaint, or nil: a body
--- whose name can't be read, or braces that don't match.
function c_source.functions(text)
  local code = without_directives(without_comments(text))
  local found, at = {}, 1
  while true do
    local open = code:find("{", at, true)
    if not open then return found end
    local _, close = code:find("^%b{}", open)
    if not close then
      return found, ("line %d: this brace is never closed"):format(line_of(code, open))
    end
    -- The head starts after the declaration before it: `; static int f(int a) `. Macros that
    -- stand for declarations have no semicolon, but a blank line (or comment) behind them.
    local head = code:sub(at, open - 1):match "[^;]*$"
    head = head:match ".*\n[ \t]*\n(.*)$" or head
    if head:find "%(" and not head:find "=" then
      local name = head:match "([%a_][%w_]*)%s*%b()%s*$"
        or head:match "%(%*([%a_][%w_]*)%s*%b()%)%s*%b()%s*$" -- returns a function pointer
      if not name then
        return found, ("line %d: whose body is this?"):format(line_of(code, open))
      end
      local start = line_of(code, open - #head:match "%S.*$")
      found[#found + 1] = {
        name = name,
        static = head:find "%f[%w_]static%f[^%w_]" ~= nil,
        line = start,
        lines = line_of(code, close) - start + 1,
      }
    end
    at = close + 1
  end
end

--- The texts of message.h's macros by name. Adjacent strings are joined, with a "d" where a
--- macro such as PRId64 stands between them.
function c_source.messages(text)
  local found = {}
  local code = without_comments(text, true):gsub("\\[ \t]*\n", " ")
  for name, body in code:gmatch "#%s*define%s+(MP_MSG_[%w_]+)[ \t]+([^\n]*)" do
    local whole = ""
    for piece in body:gmatch '"(.-[^\\])"' do
      if whole:find "%%[-+ #0]*[%d*.]*$" then whole = whole .. "d" end
      whole = whole .. piece
    end
    found[name] = whole:gsub('\\(["\\])', "%1")
  end
  return found
end

--- The longest part of a printf format that stands in each of its outputs as it is.
function c_source.fixed_part(format)
  local longest = ""
  local cut = format:gsub("%%%%", "\1"):gsub("%%[-+ #0]*[%d*]*%.?[%d*]*[hlLjzt]*%a", "\0")
  for part in cut:gmatch "[^\0]+" do
    if #part > #longest then longest = part end
  end
  return (longest:gsub("\1", "%%"))
end

return c_source
