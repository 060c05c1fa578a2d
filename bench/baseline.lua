-- Instructions per operation as they were recorded, to compare new ones with: text of a row
-- a line, `name | floor | strict | moonpool`. `#` begins what is said about the machine.

local baseline = {}

local columns = { "floor", "strict", "moonpool" }

--- The text of counts: a list of { name =, floor =, strict =, moonpool = }, numbers or nil.
function baseline.format(counts, about)
  local out = {}
  for line in about:gmatch "[^\n]+" do out[#out + 1] = "# " .. line end
  out[#out + 1] = "# name | " .. table.concat(columns, " | ")
  for _, row in ipairs(counts) do
    local cells = { row.name }
    for _, column in ipairs(columns) do
      cells[#cells + 1] = row[column] and ("%.1f"):format(row[column]) or "-"
    end
    out[#out + 1] = table.concat(cells, " | ")
  end
  return table.concat(out, "\n") .. "\n"
end

--- The counts in such a text, by name.
function baseline.parse(text)
  local found = {}
  for line in text:gmatch "[^\n]+" do
    local name, rest = line:match "^([^#|][^|]-) | (.*)$"
    if name then
      local row, i = { name = name }, 0
      for cell in rest:gmatch "[^| ]+" do
        i = i + 1
        row[columns[i]] = tonumber(cell)
      end
      found[name] = row
    end
  end
  return found
end

--- Compares what moonpool takes now with what it took: lists of { name =, was =, is =, by = }
--- of the rows that are worse and better by more than `tolerance` (.02: 2 %), and of the names
--- that only one side has.
function baseline.compare(recorded, counts, tolerance)
  local worse, better, alone, seen = {}, {}, {}, {}
  for _, row in ipairs(counts) do
    local was = recorded[row.name] and recorded[row.name].moonpool
    seen[row.name] = true
    if not was or not row.moonpool then
      alone[#alone + 1] = row.name
    else
      local by = row.moonpool / was - 1
      local list = by > tolerance and worse or by < -tolerance and better or nil
      if list then list[#list + 1] = { name = row.name, was = was, is = row.moonpool, by = by } end
    end
  end
  for name in pairs(recorded) do
    if not seen[name] then alone[#alone + 1] = name end
  end
  table.sort(alone)
  return worse, better, alone
end

return baseline
