# What Debian wants otherwise than other systems: compressed pages, a changelog, the licence as `copyright`, and zsh's
# functions of packages in a directory of their own. Run by CPack on the files to be packed.
set(usr ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX})
set(doc ${usr}/share/doc/stackup)

function(compress)
	execute_process(COMMAND gzip -9nf ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(GLOB_RECURSE pages ${usr}/share/man/*.[15])
compress(${pages})

file(MAKE_DIRECTORY ${usr}/share/zsh/vendor-completions)
file(RENAME ${usr}/share/zsh/site-functions/_stackup ${usr}/share/zsh/vendor-completions/_stackup)
file(REMOVE_RECURSE ${usr}/share/zsh/site-functions)

file(RENAME ${doc}/LICENSE ${doc}/copyright)
# Of today, or of SOURCE_DATE_EPOCH.
string(TIMESTAMP day "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${doc}/changelog "stackup (${CPACK_PACKAGE_VERSION}) unstable; urgency=low

  * ${CPACK_PACKAGE_VERSION}.

 -- ${CPACK_PACKAGE_CONTACT}  ${day}
")
compress(${doc}/changelog)
