/*
 * An IKE daemon on Linux hands its Child SAs to the kernel over a NETLINK_XFRM socket. A kernel that is built
 * without ESP and AH refuses them, and the daemon then refuses the Child SA to its peer. Preloaded into the
 * daemon, this library turns exactly those refusals into success: SPIs are still allocated and policies still
 * installed by the kernel, only the states do not exist. Negotiation is complete; no packet is ever protected.
 * The state that the kernel made for an allocated SPI is never completed and soon expires; as that would end a
 * Child SA that lives for the daemon, these messages become empty ones.
 *
 *   cc -shared -fPIC -O2 -o xfrmfake.so xfrmfake.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

/* The errors by which a kernel says that it has no such protocol, or (afterwards) no such state. */
static int is_refusal(int error)
{
	return error == -ENOSYS || error == -EPROTONOSUPPORT || error == -ESRCH;
}

/* Requests about states that may be acknowledged although nothing was done. A query needs a real answer. */
static int may_be_acknowledged(unsigned type)
{
	return type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA || type == XFRM_MSG_DELSA;
}

static int is_xfrm_socket(int fd)
{
	int value = 0;
	socklen_t size = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &size) != 0 || value != AF_NETLINK)
		return 0;
	size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 && value == NETLINK_XFRM;
}

static void acknowledge(int fd, char *data, ssize_t received, size_t room)
{
	const int saved = errno;
	size_t left = received > 0 ? (size_t)received : 0, at = 0;

	if (left > room)
		left = room;
	if (left >= NLMSG_LENGTH(sizeof(struct nlmsgerr)) && is_xfrm_socket(fd)) {
		while (left - at >= sizeof(struct nlmsghdr)) {
			struct nlmsghdr header;
			struct nlmsgerr answer;

			memcpy(&header, data + at, sizeof(header));
			if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > left - at)
				break;
			if (header.nlmsg_type == XFRM_MSG_EXPIRE) {
				header.nlmsg_type = NLMSG_NOOP;
				memcpy(data + at, &header, sizeof(header));
			}
			if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_LENGTH(sizeof(answer))) {
				memcpy(&answer, data + at + NLMSG_HDRLEN, sizeof(answer));
				if (is_refusal(answer.error) && may_be_acknowledged(answer.msg.nlmsg_type)) {
					answer.error = 0;
					memcpy(data + at + NLMSG_HDRLEN, &answer, sizeof(answer));
				}
			}
			if (NLMSG_ALIGN(header.nlmsg_len) >= left - at)
				break;
			at += NLMSG_ALIGN(header.nlmsg_len);
		}
	}
	errno = saved;
}

#define REAL(name) \
	static __typeof__(&name) real; \
	if (!real) \
		real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t recv(int fd, void *data, size_t room, int flags)
{
	REAL(recv);
	ssize_t received = real(fd, data, room, flags);
	acknowledge(fd, data, received, room);
	return received;
}

ssize_t recvfrom(int fd, void *data, size_t room, int flags, struct sockaddr *from, socklen_t *from_size)
{
	REAL(recvfrom);
	ssize_t received = real(fd, data, room, flags, from, from_size);
	acknowledge(fd, data, received, room);
	return received;
}

ssize_t read(int fd, void *data, size_t room)
{
	REAL(read);
	ssize_t received = real(fd, data, room);
	acknowledge(fd, data, received, room);
	return received;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	REAL(recvmsg);
	ssize_t received = real(fd, message, flags);
	if (received > 0 && message->msg_iovlen > 0)
		acknowledge(fd, message->msg_iov[0].iov_base, received, message->msg_iov[0].iov_len);
	return received;
}

/* What programs built with _FORTIFY_SOURCE call instead. */
ssize_t __recv_chk(int fd, void *data, size_t room, size_t known, int flags)
{
	(void)known;
	return recv(fd, data, room, flags);
}

ssize_t __recvfrom_chk(int fd, void *data, size_t room, size_t known, int flags, struct sockaddr *from,
		       socklen_t *from_size)
{
	(void)known;
	return recvfrom(fd, data, room, flags, from, from_size);
}

ssize_t __read_chk(int fd, void *data, size_t room, size_t known)
{
	(void)known;
	return read(fd, data, room);
}
