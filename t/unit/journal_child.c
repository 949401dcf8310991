/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for teslad where a test of the journal needs a program that reads one through. */
#include "daemon/journal_check.h"

int main(int argc, char **argv)
{
	return journal_child(argc, argv);
}
