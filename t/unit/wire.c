/* SPDX-License-Identifier: Apache-2.0 */
/* wire: what drivers of one line share.  How they keep it, their own tests show. */
#include "../../plugins/drivers/wire.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"

Test(wire, times_of_a_serial_line)
{
	static const struct {
		uint32_t baud;
		int64_t silence, frame8;
	} cases[] = {
		{ 9600, 4011, 9167 },  { 19200, 2006, 4584 }, { 19201, 1750, 4584 },
		{ 115200, 1750, 764 }, { 0, 0, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cr_expect_eq(wire_silence_us(cases[i].baud), cases[i].silence, "%u baud",
			     cases[i].baud);
		cr_expect_eq(wire_frame_us(cases[i].baud, 8), cases[i].frame8, "%u baud",
			     cases[i].baud);
	}
}
