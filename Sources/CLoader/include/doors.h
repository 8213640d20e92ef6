// Included by the one C file of a library's target, behind the library's own headers; FUNCTIONS(X) is the list, an X(function) for each. It makes a
// door for each and `doors`, the table of all. C's visibility and types do not matter here: a door hands registers and stack on as they are,
// so variadic functions work too, and callers are held to the library's own declarations.
#include "CLoader.h"

#if defined(__x86_64__)
#define DOOR_JUMP(name) "jmp *slipway_door_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define DOOR_JUMP(name) \
  "adrp x16, slipway_door_" #name "\n" \
  "ldr x16, [x16, :lo12:slipway_door_" #name "]\n" \
  "br x16\n"
#else
#error "how does a door jump on this machine?"
#endif

// Hidden: else a library that is loaded later would find the program's door where it looks for its own function.
// The sizeof asks the headers: a name that they do not declare does not compile.
#define DOOR(name) \
  _Static_assert(sizeof(&name) == sizeof(void *), "a function"); \
  __attribute__((used, visibility("hidden"))) void *slipway_door_##name = (void *)slipway_not_loaded; \
  __asm__(".pushsection .text\n" \
          ".globl " #name "\n" \
          ".hidden " #name "\n" \
          ".type " #name ", %function\n" \
          ".balign 16\n" \
          #name ":\n" \
          ".cfi_startproc\n" \
          DOOR_JUMP(name) \
          ".cfi_endproc\n" \
          ".size " #name ", . - " #name "\n" \
          ".popsection\n");
FUNCTIONS(DOOR)

#define ENTRY(name) {#name, &slipway_door_##name},
static const struct slipway_door doors[] = {FUNCTIONS(ENTRY)};
static const size_t door_count = sizeof(doors) / sizeof(doors[0]);
