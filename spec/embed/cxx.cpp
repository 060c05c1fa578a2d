// cxx.cpp: a host in C++: its own classes' data, and a destructor.

#include "host.h"

#include <string>
#include <vector>

namespace {

struct body {
  double x, y;
  int id;
};

const char body_cdef[] = "typedef struct { double x, y; int id; } body;";

void destroy(void *ud, void *ptr) {
  *static_cast<int *>(ud) += 1;
  delete static_cast<body *>(ptr);
}

void test_vector(lua_State *L) {
  std::vector<body> bodies(3);
  moonpool_cdef(L, body_cdef);
  PUSHES(L, 1,
         moonpool_pushblock(L, "body[]", bodies.data(), bodies.size() * sizeof(body), nullptr,
                            nullptr));
  lua_setglobal(L, "bodies");
  RUN(L, 0, "for i, b in pairs(bodies) do b.id = i * 10 end");
  CHECK(bodies[2].id == 20);
  RAISES(L, "return bodies[3]", "index too large");
  moonpool_revoke(L, bodies.data());
  bodies.clear();
  RAISES(L, "return bodies[0]", "cdata was released");
}

void test_destructor(lua_State *L) {
  int destroyed = 0;
  moonpool_cdef(L, body_cdef);
  moonpool_pushblock(L, "body *", new body{1, 2, 3}, sizeof(body), destroy, &destroyed);
  lua_setglobal(L, "b");
  RUN(L, 0, "assert(b.x == 1 and b.id == 3) b = nil");
  collect(L);
  CHECK(destroyed == 1);
}

extern "C" int add(int a, int b) { return a + b; }

void test_functions(lua_State *L) {
  moonpool_pushfunction(L, "int(int, int)", reinterpret_cast<void (*)()>(add));
  lua_setglobal(L, "add");
  RUN(L, 1, "assert(add(1, 2) == 3) return function(n) return n + 1 end");
  auto f = reinterpret_cast<int (*)(int)>(moonpool_check(L, -1, "int (*)(int)"));
  CHECK(f(41) == 42);
  lua_pop(L, 1);
}

const HostTest tests[] = {{"a vector is shared with bounds", test_vector},
                          {"what new made is deleted", test_destructor},
                          {"functions go both ways", test_functions},
                          {nullptr, nullptr}};

} // namespace

int main(int argc, char **argv) { return host_main(argc, argv, tests); }
