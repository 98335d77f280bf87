/* What the rest of the core asks of memory that a thread lends (transfer.c). */
#ifndef FAULTLESS_TRANSFER_H
#define FAULTLESS_TRANSFER_H

#include "faultless.h"

/* Copies bytes out of a transfer: 0, -FL_CLOSED or -ERANGE. */
int fl_transfer_take(fl_id transfer, uint64_t at, void *bytes, size_t length);

#endif
