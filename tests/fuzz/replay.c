/*
 * Feeds files to a fuzz target without libFuzzer: every argument is a file, or a directory whose
 * files are fed in turn. With no files at all it fails, so that an empty corpus is noticed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
	struct stat info;
	FILE *file = fopen(path, "rbe");
	if (!file || fstat(fileno(file), &info) < 0) {
		perror(path);
		return -1;
	}
	size_t size = (size_t)info.st_size;
	/* Exactly as large as the input: one byte too far is seen by the address sanitizer. */
	uint8_t *data = malloc(size > 0 ? size : 1);
	size_t got = data ? fread(data, 1, size, file) : 0;
	fclose(file);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	return 1;
}

static int feed_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), fed = 0;
	for (int i = 0; i < count; i++) {
		char *file = NULL;
		if (entries[i]->d_name[0] != '.' &&
			asprintf(&file, "%s/%s", path, entries[i]->d_name) > 0)
			fed += feed_file(file) > 0;
		free(file);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return fed;
}

int main(int argc, char **argv)
{
	int fed = 0;
	for (int i = 1; i < argc; i++) {
		struct stat info;
		if (stat(argv[i], &info) < 0) {
			perror(argv[i]);
			return 1;
		}
		fed += S_ISDIR(info.st_mode) ? feed_directory(argv[i]) : feed_file(argv[i]) > 0;
	}
	printf("%d inputs\n", fed);
	return fed > 0 ? 0 : 1;
}
