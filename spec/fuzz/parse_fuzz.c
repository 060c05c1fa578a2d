/*
** parse_fuzz.c: throws bytes at the lexer and the parser (`make fuzz`). Linked
** with base/, type/ and decl/ alone: no Lua. With clang it is a libFuzzer
** target; built with -DFUZZ_MAIN it brings a plain mutator of its own:
**
**   parse_fuzz SECONDS SEED DICTIONARY SEEDFILE...
**
** The first byte of an input chooses: a text of declarations or a type name,
** and whether memory runs out on the way (the second byte says when). Checked:
** no crash, nothing allocated at the end, a failed text leaves no trace, and
** what was declared can be printed and read back.
*/

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decl/parse.h"
#include "type/repr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* {===== memory that is counted, and may run out ===== */

static size_t live;
static long budget; /* allocations until memory is out; negative: never */

static void *counted_resize(void *ud, void *p, size_t osize, size_t nsize) {
  void *q;
  (void)ud;
  if (nsize == 0) {
    live -= osize;
    free(p);
    return NULL;
  }
  if (budget == 0) return NULL;
  q = realloc(p, nsize);
  if (q == NULL) return NULL;
  if (budget > 0) budget--;
  live += nsize - osize;
  return q;
}

static const MpAlloc counted = {counted_resize, NULL};

static void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "parse_fuzz: %s\n", what);
  abort();
}

/* }===== */

/* {===== one input ===== */

/* How much a space holds: what a roll-back has to bring back. */
typedef struct Extent {
  uint32_t ordinary, tags, derived, generation;
} Extent;

static Extent extent_of(const MpSpace *sp) {
  Extent x;
  x.ordinary = sp->ordinary.count;
  x.tags = sp->tags.count;
  x.derived = sp->derived.count;
  x.generation = sp->generation;
  return x;
}

static void require_same(const Extent *a, const MpSpace *sp) {
  Extent b = extent_of(sp);
  require(a->ordinary == b.ordinary && a->tags == b.tags && a->derived == b.derived &&
              a->generation == b.generation,
          "a failed text left a trace");
}

/* Prints a type and reads the text: it may name what can't be read (no tag), but never crashes. */
static void print_and_read(MpSpace *sp, const MpCtype *ct) {
  MpBuf b;
  MpErr e;
  const MpCtype *again;
  const char *text;
  mp_buf_init(&b, &counted);
  mp_repr_type(&b, ct, NULL);
  text = mp_buf_cstr(&b);
  if (text != NULL && b.len < 10000 && mp_parse_type(sp, text, b.len, &again, &e) == MP_OK)
    require(again != NULL, "no type");
  mp_buf_fini(&b);
}

static void parse_text(MpSpace *sp, const char *text, size_t size) {
  MpErr e;
  Extent before = extent_of(sp);
  MpParseOptions options = {"fuzz", false, false, 0};
  const MpDecl *d;
  int n = 0;
  if (mp_parse_cdef(sp, text, size, &options, &e) != MP_OK) {
    require(e.text[0] != '\0', "no message");
    require_same(&before, sp);
    return;
  }
  for (d = sp->first; d != NULL && n < 50; d = d->next, n++)
    if (d->type != NULL) print_and_read(sp, d->type);
}

static void parse_name(MpSpace *sp, const char *text, size_t size) {
  MpErr e;
  Extent before = extent_of(sp);
  const MpCtype *ct;
  if (mp_parse_type(sp, text, size, &ct, &e) == MP_OK)
    print_and_read(sp, ct);
  else
    require_same(&before, sp);
}

/* The bytes in a block of their own, so that reading past them is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  MpNames names;
  MpSpace root, sp;
  MpErr e;
  char *text;
  if (size < 2) return 0;
  text = (char *)malloc(size - 2 + (size == 2));
  if (text == NULL) return 0;
  memcpy(text, data + 2, size - 2);
  budget = -1;
  mp_name_init(&names, &counted);
  if (mp_space_init(&root, &counted, &names, NULL, &e) == MP_OK &&
      mp_space_init(&sp, &counted, &names, &root, &e) == MP_OK) {
    budget = data[0] & 2 ? data[1] : -1;
    if (data[0] & 1)
      parse_name(&sp, text, size - 2);
    else
      parse_text(&sp, text, size - 2);
    budget = -1;
    parse_text(&sp, "struct fuzz_after { int a : 3; };", 33);
    mp_space_fini(&sp);
  }
  mp_space_fini(&root);
  mp_name_fini(&names);
  free(text);
  require(live == 0, "memory is left");
  return 0;
}

/* }===== */

#if defined(FUZZ_MAIN)

/* {===== a plain mutator ===== */

#define LONGEST 4096
#define POOL 4096

typedef struct Piece {
  uint8_t *bytes;
  size_t size;
} Piece;

static Piece pool[POOL], words[512];
static size_t npool, nwords;
static uint64_t state;

static size_t below(size_t n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return n ? (size_t)(state % n) : 0;
}

static void add_piece(Piece *to, size_t *n, size_t most, const void *bytes, size_t size) {
  size_t at = *n < most ? (*n)++ : below(most);
  if (size > LONGEST) size = LONGEST;
  free(to[at].bytes);
  to[at].bytes = (uint8_t *)malloc(size ? size : 1);
  if (to[at].bytes == NULL) exit(2);
  memcpy(to[at].bytes, bytes, size);
  to[at].size = size;
}

static void read_seed(const char *path) {
  uint8_t bytes[LONGEST];
  FILE *f = fopen(path, "rb");
  if (f == NULL) return;
  bytes[0] = 0;
  bytes[1] = 255;
  add_piece(pool, &npool, POOL, bytes, 2 + fread(bytes + 2, 1, sizeof bytes - 2, f));
  fclose(f);
}

/* Lines of libFuzzer's form: "word" */
static void read_dictionary(const char *path) {
  char line[256];
  FILE *f = fopen(path, "r");
  if (f == NULL) return;
  while (fgets(line, sizeof line, f) != NULL) {
    char *start = strchr(line, '"'), *end = strrchr(line, '"');
    if (line[0] == '#' || start == NULL || end <= start) continue;
    add_piece(words, &nwords, sizeof words / sizeof words[0], start + 1, (size_t)(end - start - 1));
  }
  fclose(f);
}

static size_t insert(uint8_t *t, size_t n, size_t at, const uint8_t *bytes, size_t size) {
  if (n + size > LONGEST) return n;
  memmove(t + at + size, t + at, n - at);
  memcpy(t + at, bytes, size);
  return n + size;
}

/* One change; the two bytes in front choose the mode and change now and then. */
static size_t mutate(uint8_t *t, size_t n) {
  size_t at = n > 2 ? 2 + below(n - 2) : 2, k;
  uint8_t byte = (uint8_t)below(256);
  const Piece *other;
  switch (below(8)) {
    case 0:
      t[0] = byte;
      t[1] = (uint8_t)below(256);
      return n;
    case 1:
      if (at < n) t[at] = byte;
      return n;
    case 2: return insert(t, n, at, &byte, 1);
    case 3: /* cut */
      k = below(n - at + 1);
      if (k > 40) k = below(40);
      memmove(t + at, t + at + k, n - at - k);
      return n - k;
    case 4: /* repeat */
      k = below((n - at < 60 ? n - at : 60) + 1);
      return insert(t, n, at, t + at, k);
    case 5: /* from another */
      other = &pool[below(npool)];
      if (other->size < 3) return n;
      k = 2 + below(other->size - 2);
      return insert(t, n, at, other->bytes + k, below(other->size - k < 80 ? other->size - k : 80));
    case 6: return n > at ? at : n; /* the end is cut off */
    default:
      if (nwords == 0) return n;
      other = &words[below(nwords)];
      return insert(t, n, at, other->bytes, other->size);
  }
}

int main(int argc, char **argv) {
  time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
  unsigned long runs = 0;
  int i;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) * 2654435761u + 1 : 1;
  if (argc > 3) read_dictionary(argv[3]);
  for (i = 4; i < argc; i++) read_seed(argv[i]);
  if (npool == 0) add_piece(pool, &npool, POOL, "\0\377int x;", 8);
  while (time(NULL) < end) {
    uint8_t text[LONGEST * 2];
    const Piece *from = &pool[below(npool)];
    size_t n = from->size, steps = 1 + below(8);
    FILE *last;
    memcpy(text, from->bytes, n);
    while (steps-- > 0) n = mutate(text, n);
    if (runs % 997 == 0 && getenv("FUZZ_KEEP") != NULL &&
        (last = fopen(getenv("FUZZ_KEEP"), "wb")) != NULL) {
      fwrite(text, 1, n, last);
      fclose(last);
    }
    LLVMFuzzerTestOneInput(text, n);
    if (below(20) == 0) add_piece(pool, &npool, POOL, text, n);
    runs++;
  }
  printf("%lu inputs, no finding\n", runs);
  for (i = 0; i < POOL; i++) free(pool[i].bytes);
  for (i = 0; i < 512; i++) free(words[i].bytes);
  return 0;
}

/* }===== */

#endif
