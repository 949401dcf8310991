/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are when nobody says otherwise.  Results are for free(); NULL: no memory. */
#ifndef BASE_PATHS_H
#define BASE_PATHS_H

/* root: /run/tesla; others: $XDG_RUNTIME_DIR/tesla, else /tmp/tesla-<uid>. */
char *path_run_dir(void);
/* root: /var/lib/tesla; others: $XDG_STATE_HOME/tesla, else ~/.local/state/tesla. */
char *path_state_dir(void);
/* $TESLA_CONTROL, else ipc://<run dir>/control. */
char *path_control_endpoint(void);
/* `path` as seen from the folder of `file`; an absolute one stays as it is. */
char *path_beside(const char *file, const char *path);

#endif
