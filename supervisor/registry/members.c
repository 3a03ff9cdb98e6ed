#include "registry/members.h"

#include "base/json_text.h"

void members_of_project(struct text *out, const struct project *row, const int *blocks, size_t block_count,
	uint16_t base_port)
{
	json_text_number(out, "id", row->id);
	json_text_string(out, "name", row->name);
	json_text_number(out, "block", row->block);
	json_text_open(out, "blocks", '[');
	for (size_t i = 0; i < block_count; i++)
		json_text_number(out, NULL, blocks[i]);
	json_text_close(out, ']');
	json_text_number(out, "base_port", base_port);
	json_text_string(out, "path", row->path);
	json_text_string(out, "status", row->status);
	json_text_string(out, "owner", row->owner);
	json_text_string(out, "notes", row->notes);
	json_text_string(out, "created_at", row->created_at);
	json_text_string(out, "last_used_at", row->last_used_at);
}

void members_of_instance(struct text *out, const struct instance *row, uint16_t base_port)
{
	json_text_number(out, "instance", row->number);
	json_text_string(out, "purpose", row->purpose);
	json_text_string(out, "branch", row->branch);
	json_text_string(out, "environment", row->environment);
	json_text_string(out, "status", instance_status_word(row->status));
	json_text_number(out, "base_port", base_port);
	json_text_number(out, "spans", row->spans);
	json_text_string(out, "worktree", row->worktree);
	json_text_string(out, "commit", row->commit);
	json_text_string(out, "created_at", row->created_at);
	json_text_string(out, "last_used_at", row->last_used_at);
}
