/*
 * sources.h - words that a stack file and the registry know.
 *
 * The stack file is read, not resolved: no port is looked for and no env file opened, so an answer is
 * there at once, also in the middle of an edit.
 */
#ifndef CLI_COMPLETION_SOURCES_H
#define CLI_COMPLETION_SOURCES_H

struct offers;

/* Those that the line names already are left out. */
void offer_services(struct offers *o);
/* Services; after "NAME:" its conditions. */
void offer_conditions(struct offers *o);
/* Of the further ports of the service before. */
void offer_port_names(struct offers *o);
void offer_environments(struct offers *o);
void offer_profiles(struct offers *o);

void offer_projects(struct offers *o);
/* Of the project of this directory, each with its purpose and branch. */
void offer_instances(struct offers *o);
/* Those that the instance has leased. */
void offer_ports(struct offers *o);

#endif
