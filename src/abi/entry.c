/*
** entry.c: the functions that C calls when it calls back. Called by closure.c;
** keeps nothing.
**
** They are part of the library's own text, mapped from its file like the rest:
** no memory is ever both writable and executable, or becomes executable, and no
** system's policy has anything to forbid. So there is a fixed number of them;
** what goes beyond is libffi's.
**
** Each loads its number and goes on to the one piece of code behind them, which
** lays the registers down in an image (r10 and r11 belong to nobody at a call,
** psABI 3.2.1), and loads those of the result from it, all of them: a register
** that returns nothing belongs to nobody either.
*/

#include "abi/entry.h"

#if MP_ABI_ENTRY

#include <string.h>

#include "abi/closure.h"

/* Bytes from one function to the next, in the code below too. */
#define ENTRY_SIZE 16

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

extern const char mp_entry_first[] __attribute__((visibility("hidden")));

/* clang-format off */
__asm__(
    ".pushsection .text\n"
    ".p2align 4\n"
    ".hidden mp_entry_first\n"
    ".globl mp_entry_first\n"
    ".type mp_entry_first, @function\n"
    "mp_entry_first:\n"
    ".cfi_startproc\n"
    ".set .Lnumber, 0\n"
    ".rept " TEXT(MP_ENTRY_COUNT) "\n"
    "  endbr64\n"
    "  movl $.Lnumber, %r10d\n"
    "  jmp .Lentry\n"
    "  .p2align 4\n"
    "  .set .Lnumber, .Lnumber + 1\n"
    ".endr\n"
    ".Lentry:\n"
    "  pushq %rbp\n"
    "  .cfi_def_cfa_offset 16\n"
    "  .cfi_offset %rbp, -16\n"
    "  movq %rsp, %rbp\n"
    "  .cfi_def_cfa_register %rbp\n"
    "  subq $208, %rsp\n" /* an MpEntryImage; aligned to 16, as rsp was before the call */
    "  movq %rdi, 0(%rsp)\n"
    "  movq %rsi, 8(%rsp)\n"
    "  movq %rdx, 16(%rsp)\n"
    "  movq %rcx, 24(%rsp)\n"
    "  movq %r8, 32(%rsp)\n"
    "  movq %r9, 40(%rsp)\n"
    "  movaps %xmm0, 48(%rsp)\n"
    "  movaps %xmm1, 64(%rsp)\n"
    "  movaps %xmm2, 80(%rsp)\n"
    "  movaps %xmm3, 96(%rsp)\n"
    "  movaps %xmm4, 112(%rsp)\n"
    "  movaps %xmm5, 128(%rsp)\n"
    "  movaps %xmm6, 144(%rsp)\n"
    "  movaps %xmm7, 160(%rsp)\n"
    "  movq %rsp, %rdi\n"
    "  movl %r10d, %esi\n"
    "  call mp_closure_answer\n"
    "  movq 176(%rsp), %rax\n"
    "  movq 184(%rsp), %rdx\n"
    "  movsd 192(%rsp), %xmm0\n"
    "  movsd 200(%rsp), %xmm1\n"
    "  leave\n"
    "  .cfi_def_cfa %rsp, 8\n"
    "  ret\n"
    ".cfi_endproc\n"
    ".size mp_entry_first, . - mp_entry_first\n"
    ".popsection\n");
/* clang-format on */

_Static_assert(offsetof(MpEntryImage, xmm) == 48, "as the code above has it");
_Static_assert(offsetof(MpEntryImage, gpr_result) == 176, "as the code above has it");
_Static_assert(offsetof(MpEntryImage, xmm_result) == 192, "as the code above has it");
_Static_assert(sizeof(MpEntryImage) == 208, "as the code above has it");

MpEntryCode mp_entry_code(unsigned number) {
  const char *address = mp_entry_first + (size_t)number * ENTRY_SIZE;
  MpEntryCode code;
  memcpy(&code, &address, sizeof code); /* ISO C has no cast from object to function pointers */
  return code;
}

#else

MpEntryCode mp_entry_code(unsigned number) {
  (void)number;
  return NULL;
}

#endif
