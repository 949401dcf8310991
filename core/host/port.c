/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what a line is connected to. */
#include "host/port.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DISCARD_MAX 65536 /* more than any late reply: it babbles */

static const struct {
	int64_t baud;
	speed_t speed;
} speeds[] = {
	{ 300, B300 },	       { 600, B600 },	      { 1200, B1200 },	     { 1800, B1800 },
	{ 2400, B2400 },       { 4800, B4800 },	      { 9600, B9600 },	     { 19200, B19200 },
	{ 38400, B38400 },     { 57600, B57600 },     { 115200, B115200 },   { 230400, B230400 },
	{ 460800, B460800 },   { 500000, B500000 },   { 576000, B576000 },   { 921600, B921600 },
	{ 1000000, B1000000 }, { 1152000, B1152000 }, { 1500000, B1500000 }, { 2000000, B2000000 },
	{ 2500000, B2500000 }, { 3000000, B3000000 }, { 3500000, B3500000 }, { 4000000, B4000000 },
};

static int speed_of(const struct line_params *p, speed_t *ret, struct tesla_error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(speeds); i++) {
		if (speeds[i].baud == p->baud) {
			*ret = speeds[i].speed;
			return 0;
		}
	}
	return tesla_fail(err, -EINVAL, "%s: %lld Bd is not a speed that serial ports have",
			  p->port, (long long)p->baud);
}

static int serial_set(int fd, const struct line_params *p, struct tesla_error *err)
{
	struct termios t;
	speed_t speed = B0;
	int r = speed_of(p, &speed, err);

	if (r != 0)
		return r;
	if (tcgetattr(fd, &t) != 0)
		return tesla_fail(err, -errno, "%s: not a serial port: %s", p->port,
				  strerror(errno));
	cfmakeraw(&t);
	t.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS);
	t.c_cflag |= CLOCAL | CREAD | (p->bits == 7 ? CS7 : CS8) | (p->stop == 2 ? CSTOPB : 0);
	t.c_cflag |=
		p->parity == LINE_PARITY_N ? 0 : PARENB | (p->parity == LINE_PARITY_O ? PARODD : 0);
	t.c_cc[VMIN] = t.c_cc[VTIME] = 0;
	(void)cfsetispeed(&t, speed);
	(void)cfsetospeed(&t, speed);
	if (tcsetattr(fd, TCSANOW, &t) != 0)
		return tesla_fail(err, -errno, "%s: settings refused: %s", p->port,
				  strerror(errno));
	(void)tcflush(fd, TCIOFLUSH);
	return 0;
}

int port_open_serial(const struct line_params *p, struct tesla_error *err)
{
	_cleanup_close_ int fd = open(p->port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return tesla_fail(err, -errno, "%s: %s", p->port, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return tesla_fail(err, -errno, "%s: another program has it", p->port);
	(void)ioctl(fd, TIOCEXCL); /* for those who open it later and ask for no lock */
	r = serial_set(fd, p, err);
	if (r != 0)
		return r;
	r = fd;
	fd = -1;
	return r;
}

int port_connect_start(const struct addrinfo *to, const struct line_params *p,
		       struct tesla_error *err)
{
	_cleanup_close_ int fd =
		socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, r;

	if (fd < 0)
		return tesla_fail(err, -errno, "%s:%s: no socket: %s", p->host, p->port,
				  strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	if (connect(fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS)
		return tesla_fail(err, -errno, "%s:%s: %s", p->host, p->port, strerror(errno));
	r = fd;
	fd = -1;
	return r;
}

int port_connected(int fd, const struct line_params *p, struct tesla_error *err)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		return tesla_fail(err, -error, "%s:%s: %s", p->host, p->port, strerror(error));
	return 0;
}

static int connect_wait(int fd, const struct line_params *p, struct tesla_error *err)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int n;

	do
		n = poll(&wait, 1, (int)p->timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return tesla_fail(err, -ETIMEDOUT, "%s:%s: no connection in %lld ms", p->host,
				  p->port, (long long)p->timeout_ms);
	return port_connected(fd, p, err);
}

int port_connect(const struct line_params *p, struct tesla_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *to;
	int r = getaddrinfo(p->host, p->port, &hints, &to), fd = -1;

	if (r != 0)
		return tesla_fail(err, -EHOSTUNREACH, "%s: %s", p->host, gai_strerror(r));
	r = -EHOSTUNREACH;
	for (struct addrinfo *i = to; i != NULL && r != 0; i = i->ai_next) {
		fd = port_connect_start(i, p, err);
		r = fd < 0 ? fd : connect_wait(fd, p, err);
		if (r != 0 && fd >= 0)
			(void)close(fd);
	}
	freeaddrinfo(to);
	return r != 0 ? r : fd;
}

int port_discard(int fd, port_saw *saw, void *arg)
{
	char bytes[512];
	int sum = 0;

	while (sum <= DISCARD_MAX) {
		ssize_t n = read(fd, bytes, sizeof bytes);

		if (n > 0) {
			saw(arg, bytes, (size_t)n);
			sum += (int)n;
		} else if (n < 0 && errno == EAGAIN) {
			return sum;
		} else if (n == 0 || errno != EINTR) {
			return isatty(fd) && n == 0 ? sum : -EPIPE;
		}
	}
	return -EMSGSIZE;
}
