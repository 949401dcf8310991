/* SPDX-License-Identifier: Apache-2.0 */
/* All models of a folder. */
#ifndef BASE_MODEL_DIR_H
#define BASE_MODEL_DIR_H

#include "base/model.h"

#define MODEL_FILE_MAX (4u << 20) /* bytes */

/* m is the callee's; NULL: that file is none, and `why` says so, with the file. */
typedef void model_dir_each(void *arg, struct model *m, const char *why);
/* In the order of names.  Negative errno: the folder cannot be read. */
int model_dir_read(const char *dir, model_dir_each *each, void *arg);

#endif
