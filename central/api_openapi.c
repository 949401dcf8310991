/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/openapi.json: central/openapi.json, as it was built in. */
#include "central/api.h"
#include "central/openapi.h"

void api_openapi_get(struct call *c)
{
	struct buf out;

	buf_init(&out, openapi_len);
	if (buf_append(&out, openapi_json, openapi_len) != 0) {
		call_busy(c);
		return;
	}
	request_answer(c->request, 200, call_types[CALL_JSON], &out);
}
