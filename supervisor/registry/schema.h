/*
 * schema.h - the tables of the registry, as steps from one version to the next.
 *
 * Step i leads from version i to i + 1; creation runs them all from 0. A step that has been released
 * is never changed: what is different goes into a new one. Each runs in a transaction together with
 * PRAGMA user_version, so a crash leaves the old version or the new one.
 */
#ifndef REGISTRY_SCHEMA_H
#define REGISTRY_SCHEMA_H

/* SQL text of step `from`; NULL at the current version. */
const char *schema_step(int from);

#endif
