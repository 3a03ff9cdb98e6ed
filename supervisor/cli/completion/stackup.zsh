#compdef stackup
# Completion of stackup for zsh. The program itself is asked what could stand at the cursor:
# a line for each word, a tab and what it is; ":files" and the like where names of files would do, too.

_stackup() {
	local -a typed answers found
	local answer
	typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
	typed=("${(@)typed/#\~\//$HOME/}")
	answers=("${(@f)$("$typed[1]" completion words -- "$typed[@]" 2>/dev/null </dev/null)}")
	for answer in "$answers[@]"; do
		case $answer in
		'') ;;
		:files) _files ;;
		:directories) _files -/ ;;
		:commands) _command_names -e ;;
		*) found+=("${${answer%%$'\t'*}//:/\\:}:${answer#*$'\t'}") ;;
		esac
	done
	(( ! $#found )) || _describe -V stackup found
}

if [[ $funcstack[1] == _stackup ]]; then
	_stackup "$@"
else
	compdef _stackup stackup
fi
