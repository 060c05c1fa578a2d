/*
** word.c: the words of C: keywords, and the names of predefined types. The
** lexer asks once a name, and the answer stays in the name.
*/

#include "decl/word.h"

#include <string.h>
#include <sys/types.h>

#include "decl/lex.h"

/* clang-format off */

/* The primitive that a system typedef stands for here. */
#define PRIM_OF(T)                                                                    \
  _Generic((T)0,                                                                      \
           signed char: MP_PRIM_SCHAR, unsigned char: MP_PRIM_UCHAR,                  \
           short: MP_PRIM_SHORT, unsigned short: MP_PRIM_USHORT,                      \
           int: MP_PRIM_INT, unsigned: MP_PRIM_UINT,                                  \
           long: MP_PRIM_LONG, unsigned long: MP_PRIM_ULONG,                          \
           long long: MP_PRIM_LLONG, unsigned long long: MP_PRIM_ULLONG)

typedef struct Word {
  const char *text;
  uint16_t token, builtin; /* as in MpName */
} Word;

/*
** Keywords with their further spellings (C11 6.4.1; GCC 6.48 "Alternate
** Keywords"), and the predefined types. In the order of strcmp.
*/
static const Word words[] = {
#define W(text, token, builtin) {text, token, builtin},
  W("FILE", MP_TOK_NAME, MP_BUILTIN_FILE + 1)
  W("_Alignas", MP_TOK_ALIGNAS, 0)
  W("_Alignof", MP_TOK_ALIGNOF, 0)
  W("_Atomic", MP_TOK_ATOMIC, 0)
  W("_BitInt", MP_TOK_BITINT, 0)
  W("_Bool", MP_TOK_BOOL, 0)
  W("_Complex", MP_TOK_COMPLEX, 0)
  W("_Decimal128", MP_TOK_DEC128, 0)
  W("_Decimal32", MP_TOK_DEC32, 0)
  W("_Decimal64", MP_TOK_DEC64, 0)
  W("_ExtInt", MP_TOK_BITINT, 0)
  W("_Float128", MP_TOK_FLOAT128, 0)
  W("_Float16", MP_TOK_FLOAT16, 0)
  W("_Float32", MP_TOK_FLOAT32, 0)
  W("_Float32x", MP_TOK_FLOAT32X, 0)
  W("_Float64", MP_TOK_FLOAT64, 0)
  W("_Float64x", MP_TOK_FLOAT64X, 0)
  W("_Generic", MP_TOK_GENERIC, 0)
  W("_Nonnull", MP_TOK_NULLABLE, 0)
  W("_Noreturn", MP_TOK_NORETURN, 0)
  W("_Null_unspecified", MP_TOK_NULLABLE, 0)
  W("_Nullable", MP_TOK_NULLABLE, 0)
  W("_Nullable_result", MP_TOK_NULLABLE, 0)
  W("_Pragma", MP_TOK_PRAGMA, 0)
  W("_Static_assert", MP_TOK_STATICASSERT, 0)
  W("_Thread_local", MP_TOK_THREAD, 0)
  W("__alignof", MP_TOK_ALIGNOF, 0)
  W("__alignof__", MP_TOK_ALIGNOF, 0)
  W("__asm", MP_TOK_ASM, 0)
  W("__asm__", MP_TOK_ASM, 0)
  W("__attribute", MP_TOK_ATTRIBUTE, 0)
  W("__attribute__", MP_TOK_ATTRIBUTE, 0)
  W("__auto_type", MP_TOK_AUTOTYPE, 0)
  W("__bf16", MP_TOK_BFLOAT16, 0)
  W("__builtin_offsetof", MP_TOK_OFFSETOF, 0)
  W("__builtin_va_list", MP_TOK_VALIST, 0)
  W("__complex", MP_TOK_COMPLEX, 0)
  W("__complex__", MP_TOK_COMPLEX, 0)
  W("__const", MP_TOK_CONST, 0)
  W("__const__", MP_TOK_CONST, 0)
  W("__declspec", MP_TOK_DECLSPEC, 0)
  W("__extension__", MP_TOK_EXTENSION, 0)
  W("__float128", MP_TOK_FLOAT128, 0)
  W("__float80", MP_TOK_FLOAT64X, 0)
  W("__gnuc_va_list", MP_TOK_NAME, MP_BUILTIN_VALIST + 1)
  W("__imag", MP_TOK_IMAG, 0)
  W("__imag__", MP_TOK_IMAG, 0)
  W("__inline", MP_TOK_INLINE, 0)
  W("__inline__", MP_TOK_INLINE, 0)
  W("__int128", MP_TOK_INT128, 0)
  W("__int128_t", MP_TOK_NAME, MP_PRIM_INT128 + 1)
  W("__real", MP_TOK_REAL, 0)
  W("__real__", MP_TOK_REAL, 0)
  W("__restrict", MP_TOK_RESTRICT, 0)
  W("__restrict__", MP_TOK_RESTRICT, 0)
  W("__signed", MP_TOK_SIGNED, 0)
  W("__signed__", MP_TOK_SIGNED, 0)
  W("__thread", MP_TOK_THREAD, 0)
  W("__typeof", MP_TOK_TYPEOF, 0)
  W("__typeof__", MP_TOK_TYPEOF, 0)
  W("__uint128_t", MP_TOK_NAME, MP_PRIM_UINT128 + 1)
  W("__unaligned", MP_TOK_NULLABLE, 0)
  W("__volatile", MP_TOK_VOLATILE, 0)
  W("__volatile__", MP_TOK_VOLATILE, 0)
  W("asm", MP_TOK_ASM, 0)
  W("auto", MP_TOK_AUTO, 0)
  W("bool", MP_TOK_NAME, MP_PRIM_BOOL + 1)
  W("char", MP_TOK_CHAR, 0)
  W("char16_t", MP_TOK_NAME, MP_PRIM_CHAR16 + 1)
  W("char32_t", MP_TOK_NAME, MP_PRIM_CHAR32 + 1)
  W("const", MP_TOK_CONST, 0)
  W("double", MP_TOK_DOUBLE, 0)
  W("enum", MP_TOK_ENUM, 0)
  W("extern", MP_TOK_EXTERN, 0)
  W("float", MP_TOK_FLOAT, 0)
  W("inline", MP_TOK_INLINE, 0)
  W("int", MP_TOK_INT, 0)
  W("int16_t", MP_TOK_NAME, PRIM_OF(int16_t) + 1)
  W("int32_t", MP_TOK_NAME, PRIM_OF(int32_t) + 1)
  W("int64_t", MP_TOK_NAME, PRIM_OF(int64_t) + 1)
  W("int8_t", MP_TOK_NAME, PRIM_OF(int8_t) + 1)
  W("int_fast16_t", MP_TOK_NAME, PRIM_OF(int_fast16_t) + 1)
  W("int_fast32_t", MP_TOK_NAME, PRIM_OF(int_fast32_t) + 1)
  W("int_fast64_t", MP_TOK_NAME, PRIM_OF(int_fast64_t) + 1)
  W("int_fast8_t", MP_TOK_NAME, PRIM_OF(int_fast8_t) + 1)
  W("int_least16_t", MP_TOK_NAME, PRIM_OF(int_least16_t) + 1)
  W("int_least32_t", MP_TOK_NAME, PRIM_OF(int_least32_t) + 1)
  W("int_least64_t", MP_TOK_NAME, PRIM_OF(int_least64_t) + 1)
  W("int_least8_t", MP_TOK_NAME, PRIM_OF(int_least8_t) + 1)
  W("intmax_t", MP_TOK_NAME, PRIM_OF(intmax_t) + 1)
  W("intptr_t", MP_TOK_NAME, PRIM_OF(intptr_t) + 1)
  W("long", MP_TOK_LONG, 0)
  W("ptrdiff_t", MP_TOK_NAME, PRIM_OF(ptrdiff_t) + 1)
  W("register", MP_TOK_REGISTER, 0)
  W("restrict", MP_TOK_RESTRICT, 0)
  W("short", MP_TOK_SHORT, 0)
  W("signed", MP_TOK_SIGNED, 0)
  W("size_t", MP_TOK_NAME, PRIM_OF(size_t) + 1)
  W("sizeof", MP_TOK_SIZEOF, 0)
  W("ssize_t", MP_TOK_NAME, PRIM_OF(ssize_t) + 1)
  W("static", MP_TOK_STATIC, 0)
  W("struct", MP_TOK_STRUCT, 0)
  W("typedef", MP_TOK_TYPEDEF, 0)
  W("typeof", MP_TOK_TYPEOF, 0)
  W("uint16_t", MP_TOK_NAME, PRIM_OF(uint16_t) + 1)
  W("uint32_t", MP_TOK_NAME, PRIM_OF(uint32_t) + 1)
  W("uint64_t", MP_TOK_NAME, PRIM_OF(uint64_t) + 1)
  W("uint8_t", MP_TOK_NAME, PRIM_OF(uint8_t) + 1)
  W("uint_fast16_t", MP_TOK_NAME, PRIM_OF(uint_fast16_t) + 1)
  W("uint_fast32_t", MP_TOK_NAME, PRIM_OF(uint_fast32_t) + 1)
  W("uint_fast64_t", MP_TOK_NAME, PRIM_OF(uint_fast64_t) + 1)
  W("uint_fast8_t", MP_TOK_NAME, PRIM_OF(uint_fast8_t) + 1)
  W("uint_least16_t", MP_TOK_NAME, PRIM_OF(uint_least16_t) + 1)
  W("uint_least32_t", MP_TOK_NAME, PRIM_OF(uint_least32_t) + 1)
  W("uint_least64_t", MP_TOK_NAME, PRIM_OF(uint_least64_t) + 1)
  W("uint_least8_t", MP_TOK_NAME, PRIM_OF(uint_least8_t) + 1)
  W("uintmax_t", MP_TOK_NAME, PRIM_OF(uintmax_t) + 1)
  W("uintptr_t", MP_TOK_NAME, PRIM_OF(uintptr_t) + 1)
  W("union", MP_TOK_UNION, 0)
  W("unsigned", MP_TOK_UNSIGNED, 0)
  W("va_list", MP_TOK_NAME, MP_BUILTIN_VALIST + 1)
  W("void", MP_TOK_VOID, 0)
  W("volatile", MP_TOK_VOLATILE, 0)
  W("wchar_t", MP_TOK_NAME, MP_PRIM_WCHAR + 1)
#undef W
};
/* clang-format on */

/* No word with this first character is longer; most names are none for that reason alone. */
static const unsigned char word_longest[128] = {
    ['F'] = 4, ['_'] = 18, ['a'] = 4,  ['b'] = 4, ['c'] = 8, ['d'] = 6,
    ['e'] = 6, ['f'] = 5,  ['i'] = 13, ['l'] = 4, ['p'] = 9, ['r'] = 8,
    ['s'] = 7, ['t'] = 7,  ['u'] = 14, ['v'] = 8, ['w'] = 7,
};

void mp_word_classify(MpName *name) {
  size_t low = 0, high = sizeof words / sizeof words[0];
  name->word = MP_TOK_NAME;
  if (name->len > word_longest[name->text[0] & 127]) return;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = strcmp(name->text, words[mid].text);
    if (order == 0) {
      name->word = words[mid].token;
      name->builtin = words[mid].builtin;
      return;
    }
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
}
