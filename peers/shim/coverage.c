/*
 * Which places of its code a daemon runs, for a campaign that looks for new ones. A compiler that is told so
 * (gcc -fsanitize-coverage=trace-pc, clang -fsanitize-coverage=trace-pc-guard) calls a function at each place; this
 * library has it. The file that IKESPEC_COVERAGE names has one octet for each place: it is set when the place is
 * reached, and whoever reads it clears it. Without the variable nothing is written.
 *
 * A place has the same number in each process, wherever the loader puts a library: it is made of the distance from the
 * beginning of the library, and of its name.
 *
 *   cc -shared -fPIC -O2 -o libikespec-coverage.so coverage.c
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES (1u << 18)
#define MODULES 512

struct module {
	uintptr_t begin, end;
	uint32_t salt;
};

static unsigned char *places;
static struct module modules[MODULES];
static unsigned known;
static char busy;
static __thread const struct module *last;

__attribute__((constructor)) static void open_places(void)
{
	const char *name = getenv("IKESPEC_COVERAGE");
	int file = name ? open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *found;

	if (file < 0)
		return;
	if (ftruncate(file, PLACES) == 0) {
		found = mmap(NULL, PLACES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		if (found != MAP_FAILED)
			places = found;
	}
	close(file);
}

static const struct module *look_up(uintptr_t place)
{
	unsigned count = __atomic_load_n(&known, __ATOMIC_ACQUIRE);

	for (unsigned at = 0; at < count; at++)
		if (place - modules[at].begin < modules[at].end - modules[at].begin)
			return &modules[at];
	return NULL;
}

static int add_if_there(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t place = *(uintptr_t *)data;
	const char *slash = strrchr(info->dlpi_name, '/');
	struct module new = {UINTPTR_MAX, 0, 2166136261u};

	(void)size;
	for (int at = 0; at < info->dlpi_phnum; at++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[at];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		new.begin = begin < new.begin ? begin : new.begin;
		new.end = begin + header->p_memsz > new.end ? begin + header->p_memsz : new.end;
	}
	if (place < new.begin || place >= new.end)
		return 0;
	for (const char *name = slash ? slash + 1 : info->dlpi_name; *name; name++)
		new.salt = (new.salt ^ (unsigned char)*name) * 16777619u;
	modules[known] = new;
	__atomic_store_n(&known, known + 1, __ATOMIC_RELEASE);
	return 1;
}

static void reached(uintptr_t place)
{
	const struct module *module = last;
	uint32_t number;

	if (!places)
		return;
	if (!module || place < module->begin || place >= module->end) {
		module = look_up(place);
		if (!module) {
			if (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
				return; /* somebody else adds one: the next time this place is reached will do */
			if (!look_up(place) && known < MODULES)
				dl_iterate_phdr(add_if_there, &place);
			__atomic_clear(&busy, __ATOMIC_RELEASE);
			module = look_up(place);
			if (!module)
				return;
		}
		last = module;
	}
	number = ((uint32_t)(place - module->begin) ^ module->salt) * 2654435761u;
	number = (number ^ number >> 15) % PLACES;
	if (!places[number])
		places[number] = 1;
}

void __sanitizer_cov_trace_pc(void)
{
	reached((uintptr_t)__builtin_return_address(0));
}

void __sanitizer_cov_trace_pc_guard_init(uint32_t *begin, uint32_t *end)
{
	while (begin < end)
		*begin++ = 1;
}

void __sanitizer_cov_trace_pc_guard(uint32_t *guard)
{
	(void)guard;
	reached((uintptr_t)__builtin_return_address(0));
}
