/*
** config.h: version, visibility, asserts, and every question about the
** compiler, the system or the machine that the sources ask.
** Included by each header; includes nothing of moonpool.
*/

#ifndef MP_BASE_CONFIG_H
#define MP_BASE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#define MP_VERSION "0.1.0"

/* Symbols are hidden by -fvisibility=hidden; these leave the library. */
#if defined(_WIN32)
#define MP_API __declspec(dllexport)
#else
#define MP_API __attribute__((visibility("default")))
#endif

/* A status that the caller must look at; a format that the compiler checks. */
#define MP_CHECKED __attribute__((warn_unused_result))
#define MP_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define MP_NORETURN __attribute__((noreturn))
/* For what is rare in a hot function, whose frame it would make larger. */
#define MP_NOINLINE __attribute__((noinline))
#define MP_LIKELY(x) __builtin_expect(!!(x), 1)
#define MP_UNLIKELY(x) __builtin_expect(!!(x), 0)

/*
** Asserts: level 0 none, 1 cheap ones, 2 those that cost, 3 walks of whole
** structures. Builds for tests set MP_ASSERT_LEVEL.
*/
#if !defined(MP_ASSERT_LEVEL)
#define MP_ASSERT_LEVEL 0
#endif
#if MP_ASSERT_LEVEL > 0
#include <assert.h>
#define mp_assert(x) assert(x)
#else
#define mp_assert(x) ((void)0)
#endif

/* Builds for `make gcstress` set it: a full collection before each new cdata. */
#if !defined(MP_GCSTRESS)
#define MP_GCSTRESS 0
#endif

/* Is this a build for AddressSanitizer? The heap tells it which bytes are nobody's. */
#if defined(__SANITIZE_ADDRESS__)
#define MP_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MP_ASAN 1
#endif
#endif
#if !defined(MP_ASAN)
#define MP_ASAN 0
#endif

/*
** 64-bit boxes and constant expressions are computed in 128 bits, so that
** uint64_t and int64_t meet without loss (C11 6.3.1.8 asks for more care
** than the width of either gives).
*/
#if !defined(__SIZEOF_INT128__)
#error "moonpool needs a compiler with __int128 (gcc or clang on a 64-bit target)"
#endif
__extension__ typedef __int128 MpInt128;
__extension__ typedef unsigned __int128 MpUint128;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define MP_BIG_ENDIAN 1
#else
#define MP_BIG_ENDIAN 0
#endif

/* What ffi.os and ffi.arch answer: LuaJIT's words. */
#if defined(__linux__)
#define MP_OS "Linux"
#elif defined(__APPLE__)
#define MP_OS "OSX"
#elif defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
#define MP_OS "BSD"
#elif defined(_WIN32)
#define MP_OS "Windows"
#elif defined(__unix__)
#define MP_OS "POSIX"
#else
#define MP_OS "Other"
#endif

#if defined(__x86_64__)
#define MP_ARCH "x64"
#elif defined(__aarch64__)
#define MP_ARCH "arm64"
#elif defined(__powerpc64__)
#define MP_ARCH "ppc64"
#elif defined(__riscv) && __riscv_xlen == 64
#define MP_ARCH "riscv64"
#elif defined(__s390x__)
#define MP_ARCH "s390x"
#else
#define MP_ARCH "other"
#endif

/* The System V ABI for x86-64: va_list is an array of one record there. */
#if defined(MP_ABI_SYSV_X64)
/* set by a test build, 0: leaves classification to libffi */
#elif defined(__x86_64__) && !defined(_WIN32) && !defined(__ILP32__)
#define MP_ABI_SYSV_X64 1
#else
#define MP_ABI_SYSV_X64 0
#endif

/* Calls through register images (abi/regs.c), where they are proven; 0 leaves every call to libffi. */
#if !defined(MP_ABI_REGS)
#define MP_ABI_REGS MP_ABI_SYSV_X64
#endif

/*
** Callbacks through code of moonpool's own (abi/entry.c), where the same
** registers are known and the assembler writes ELF; 0 leaves them to libffi.
*/
#if !defined(MP_ABI_ENTRY)
#if MP_ABI_REGS && defined(__ELF__)
#define MP_ABI_ENTRY 1
#else
#define MP_ABI_ENTRY 0
#endif
#endif

/*
** Where the thread's own data lie, which tells threads apart without a call;
** not defined where the compiler or the system has no such thing.
*/
#if defined(__linux__) && defined(__x86_64__) && defined(__has_builtin)
#if __has_builtin(__builtin_thread_pointer)
#define MP_THREAD_POINTER() __builtin_thread_pointer()
#endif
#endif

/*
** What _Alignof says of a type to which no attribute gave an alignment is at
** most this: to GCC what a member of it gets without -mavx and the like; Clang
** has no such limit.
*/
#if defined(__BIGGEST_ALIGNMENT__) && !defined(__clang__)
#define MP_ALIGNOF_MOST __BIGGEST_ALIGNMENT__
#else
#define MP_ALIGNOF_MOST UINT32_MAX
#endif

/* process_vm_readv: reads memory that may not be there, without a signal. */
#if defined(__linux__)
#define MP_HAVE_VM_READV 1
#else
#define MP_HAVE_VM_READV 0
#endif

/* Types that some compilers have and some don't (C11 7.20, TS 18661-3). */
#if defined(__FLT16_MANT_DIG__)
#define MP_HAVE_FLOAT16 1
#else
#define MP_HAVE_FLOAT16 0
#endif
#if defined(__FLT128_MANT_DIG__) || defined(__SIZEOF_FLOAT128__)
#define MP_HAVE_FLOAT128 1
#else
#define MP_HAVE_FLOAT128 0
#endif

#endif
