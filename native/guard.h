/*
 * What becomes of pages that a file lost: guard.c puts zeros in their place, verdict.c tells what that means for an
 * operation that touched them, and refresh.c maps them anew. Which pages they are: damage.h.
 */
#ifndef FAULTLESS_GUARD_H
#define FAULTLESS_GUARD_H

#include "mapping.h"

/* --- guard.c ------------------------------------------------------------------------------------------------------ */

/* Catch faults from now on, or still; called before each mapping is made. */
int fl_guard_install(void);

/* Whether a page at that offset of the file was lost to the device, and not to whoever changes the file. */
bool fl_guard_blames_device(const struct fl_mapping *mapping, uint64_t file_offset);

/* Of the pages that were replaced alone, at most so many are still there. */
void fl_guard_count_alone(struct fl_mapping *mapping, uint64_t most);

/* Until no thread that has faulted is at work on the mapping any more, which may be as long as a server does not answer. */
void fl_guard_await_handlers(const struct fl_mapping *mapping);

/*
 * The pages [first, end) of the mapping, counted from its first, are damaged (damage.h), and nothing is known of them
 * any more.
 */
void fl_guard_mark(struct fl_mapping *mapping, size_t first, size_t end);

/* --- overlay_ends.c ----------------------------------------------------------------------------------------------- */

/*
 * From now on, for some seconds, faults in that range are taken for those of a thread that loaded from an overlay just
 * before it was taken away. The second is for signal handlers.
 */
void fl_overlay_note_end(uintptr_t base, size_t span);
bool fl_overlay_has_ended_at(uintptr_t address);

/* --- verdict.c ---------------------------------------------------------------------------------------------------- */

/*
 * Whether what an operation touched can be trusted: 0; -FL_TRUNCATED or -(FL_DEVICE + errno) where the file does not
 * reach there or pages were lost; or -FL_MAPPED_ANEW where pages were meanwhile, and the operation is to be repeated.
 * Waits for whoever maps them. No caller of the core hears of the latter, which no system's error can be taken for.
 */
enum { FL_MAPPED_ANEW = 4111 };
int fl_guard_verdict(const struct fl_operation *op);

/* The same, and how the file was when it was asked. */
int fl_guard_verdict_and_status(const struct fl_operation *op, struct fl_os_status *status);

/* The same for who has asked already: `asked` is what fl_os_file_status returned after the pages were touched. */
int fl_guard_judge(const struct fl_operation *op, int asked, const struct fl_os_status *status);

/* Why pages of the range could not be read: as above, or 0 where the device reads them by now. */
int fl_guard_explain(const struct fl_operation *op);

/* Whether nothing of the range is known to be lost. Waits for no device and no server. */
bool fl_guard_seems_intact(const struct fl_operation *op);

/* --- refresh.c ---------------------------------------------------------------------------------------------------- */

/* Maps damaged pages anew, as fl_refresh does, and tells the file's size. */
int fl_refresh_pages(struct fl_mapping *mapping, uint64_t *size);

#endif
