-- What was measured, as text: an aligned table for the terminal and the same one in
-- Markdown. A result is { row =, median = {by peer}, least = {by peer}, failed = {by peer} }.

local report = {}

--- A number in few digits.
function report.number(v)
  if v >= 100 then return ("%.0f"):format(v) end
  return ("%.3g"):format(v)
end

function report.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  if #sorted % 2 == 1 then return sorted[middle], sorted[1] end
  return (sorted[middle] + sorted[middle + 1]) / 2, sorted[1]
end

--- moonpool's median by a peer's; nil where one of them is missing.
function report.ratio(result, peer, base)
  local mine, other = result.median[peer], result.median[base]
  return mine and other and other > 0 and mine / other or nil
end

--- What is to be reached, what was, and whether that is enough; nil where nothing is set or
--- the peer is missing.
function report.reach(result)
  local reach = result.row.reach
  if not reach then return nil end
  local found
  if reach[1] == "=" then found = result.median.moonpool else
    found = report.ratio(result, "moonpool", reach[1])
  end
  if not found then return nil end
  return found, found < reach[2] + .005
end

local function reach_cells(result)
  local reach = result.row.reach
  if not reach then return "", "" end
  local goal = reach[1] == "=" and ("≤ %g"):format(reach[2])
    or ("≤ %g %s"):format(reach[2], reach[1])
  local found, reached = report.reach(result)
  return goal, found and ("%s %.2f"):format(reached and "✓" or "✗", found) or "–"
end

--- The table as a list of lists of cells, the heading first.
function report.cells(results, peers)
  local heading = { "operation" }
  for _, peer in ipairs(peers) do
    heading[#heading + 1] = peer.title
    if peer.name == "moonpool" then
      heading[#heading + 1] = "× floor"
      heading[#heading + 1] = "× strict"
    elseif peer.name ~= "floor" then
      heading[#heading + 1] = "×"
    end
  end
  heading[#heading + 1] = "reach"
  heading[#heading + 1] = "reached"
  local lines = { heading }
  for _, result in ipairs(results) do lines[#lines + 1] = report.line(result, peers) end
  return lines
end

local function times(result, peer, base)
  local ratio = report.ratio(result, peer, base)
  return ratio and ("%.2f"):format(ratio) or ""
end

--- The cells of one result.
function report.line(result, peers)
  local row = result.row
  local cells = { ("%s, %s"):format(row.name, row.unit) }
  for _, peer in ipairs(peers) do
    local name = peer.name
    local median, least = result.median[name], result.least[name]
    cells[#cells + 1] = median and ("%s (%s)"):format(report.number(median), report.number(least))
      or result.failed[name] and "refused" or "–"
    if name ~= "floor" then cells[#cells + 1] = times(result, name, "floor") end
    if name == "moonpool" then
      cells[#cells + 1] = row.group == "call" and times(result, name, "strict") or ""
    end
  end
  cells[#cells + 1], cells[#cells + 2] = reach_cells(result)
  return cells
end

local function pad(cell, width, left)
  local space = (" "):rep(width - utf8.len(cell))
  return left and cell .. space or space .. cell
end

--- The table, its columns aligned.
function report.aligned(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 0, utf8.len(cell)) end
  end
  local out = {}
  for _, line in ipairs(lines) do
    local cells = {}
    for i, cell in ipairs(line) do cells[i] = pad(cell, widths[i], i == 1) end
    out[#out + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(out, "\n") .. "\n"
end

--- The table in Markdown.
function report.markdown(lines)
  local out = {}
  for i, line in ipairs(lines) do
    out[#out + 1] = "| " .. table.concat(line, " | ") .. " |"
    if i == 1 then out[2] = "|---|" .. ("---:|"):rep(#line - 1) end
  end
  return table.concat(out, "\n") .. "\n"
end

--- Puts `text` between the markers `<!-- name -->` and `<!-- /name -->` of a document.
function report.insert(document, name, text)
  local open, close = ("<!-- %s -->\n"):format(name), ("<!-- /%s -->"):format(name)
  local _, from = document:find(open, 1, true)
  local to = from and document:find(close, from, true)
  if not to then error(("no place for '%s' in the document"):format(name)) end
  return document:sub(1, from) .. text .. document:sub(to)
end

function report.read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

function report.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Keeps a table as build/bench/NAME.md; with DOC in the environment also in doc/speed.md,
--- with the machine that it was measured on.
function report.keep(name, text)
  report.write(("build/bench/%s.md"):format(name), text)
  if (os.getenv "DOC" or "") == "" then return end
  local document = report.read "doc/speed.md"
  document = report.insert(document, name, text)
  report.write("doc/speed.md", document)
end

return report
