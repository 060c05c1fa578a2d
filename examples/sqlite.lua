-- sqlite3 from Lua: a database in memory, 10,000 rows through a prepared
-- statement, one query with a Lua function as the callback, one row by row,
-- and an SQL error. Run it: lua5.4 examples/sqlite.lua
--
-- The declarations are those of sqlite3.h, as many as are used here.

local ffi = require "moonpool"

ffi.cdef [[
#define SQLITE_OK    0   /* Successful result */
#define SQLITE_ROW  100  /* sqlite3_step() has another row ready */
#define SQLITE_DONE 101  /* sqlite3_step() has finished executing */

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef long long int sqlite3_int64;
typedef void (*sqlite3_destructor_type)(void*);

int sqlite3_open(const char *filename, sqlite3 **ppDb);
int sqlite3_close_v2(sqlite3*);
const char *sqlite3_errmsg(sqlite3*);
int sqlite3_exec(sqlite3*, const char *sql,
                 int (*callback)(void*,int,char**,char**), void *, char **errmsg);

int sqlite3_prepare_v2(sqlite3 *db, const char *zSql, int nByte,
                       sqlite3_stmt **ppStmt, const char **pzTail);
int sqlite3_bind_int64(sqlite3_stmt*, int, sqlite3_int64);
int sqlite3_bind_text(sqlite3_stmt*,int,const char*,int,void(*)(void*));
int sqlite3_step(sqlite3_stmt*);
int sqlite3_reset(sqlite3_stmt *pStmt);
int sqlite3_finalize(sqlite3_stmt *pStmt);
sqlite3_int64 sqlite3_column_int64(sqlite3_stmt*, int iCol);
const unsigned char *sqlite3_column_text(sqlite3_stmt*, int iCol);
]]

local sqlite = ffi.dlopen "sqlite3"

-- sqlite3.h: #define SQLITE_TRANSIENT ((sqlite3_destructor_type)-1): a text
-- that sqlite must copy, because it is Lua's again after the call.
local TRANSIENT = ffi.cast("sqlite3_destructor_type", -1)

-- The handle comes back through a pointer. ffi.gc makes a handle that is
-- closed once: when it is collected, or, being <close>, at the script's end.
local handle = ffi.new "sqlite3 *[1]"
assert(sqlite.sqlite3_open(":memory:", handle) == sqlite.SQLITE_OK)
local db <close> = ffi.gc(handle[0], function(db)
  assert(sqlite.sqlite3_close_v2(db) == sqlite.SQLITE_OK)
  print "database closed"
end)

-- Raises sqlite's own message unless `code` is SQLITE_OK.
local function check(code)
  if code ~= sqlite.SQLITE_OK then error(ffi.string(sqlite.sqlite3_errmsg(db)), 0) end
end

local function exec(sql, callback)
  check(sqlite.sqlite3_exec(db, sql, callback, nil, nil))
end

local function prepare(sql)
  local statement = ffi.new "sqlite3_stmt *[1]"
  check(sqlite.sqlite3_prepare_v2(db, sql, #sql, statement, nil))
  return ffi.gc(statement[0], sqlite.sqlite3_finalize)
end

-- 1. A table of 10,000 rows.
exec "CREATE TABLE number(n INTEGER PRIMARY KEY, parity TEXT)"
exec "BEGIN"
do
  local insert <close> = prepare "INSERT INTO number VALUES(?1, ?2)"
  for n = 1, 10000 do
    check(sqlite.sqlite3_bind_int64(insert, 1, n))
    check(sqlite.sqlite3_bind_text(insert, 2, n % 2 == 0 and "even" or "odd", -1, TRANSIENT))
    assert(sqlite.sqlite3_step(insert) == sqlite.SQLITE_DONE)
    check(sqlite.sqlite3_reset(insert))
  end
end
exec "COMMIT"
print "10000 rows inserted"

-- 2. sqlite calls a Lua function for each row of the result.
exec("SELECT parity, count(*), sum(n) FROM number GROUP BY parity",
  function(_, columns, values, names)
    local row = {}
    for i = 0, columns - 1 do
      row[#row + 1] = ffi.string(names[i]) .. "=" .. ffi.string(values[i])
    end
    print(table.concat(row, "  "))
    return 0
  end)

-- 3. The same, asked for row by row.
do
  local query <close> = prepare "SELECT n, parity FROM number ORDER BY n DESC LIMIT 3"
  while sqlite.sqlite3_step(query) == sqlite.SQLITE_ROW do
    print(sqlite.sqlite3_column_int64(query, 0), ffi.string(sqlite.sqlite3_column_text(query, 1)))
  end
end

-- 4. A mistake.
local _, message = pcall(exec, "SELEC * FROM number")
print("sqlite says: " .. message)
