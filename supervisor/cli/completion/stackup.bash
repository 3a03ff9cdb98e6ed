# Completion of stackup for bash. The program itself is asked what could stand at the cursor:
# a line for each word, a tab and what it is; ":files" and the like where names of files would do, too.

_stackup() {
	local line=${COMP_LINE:0:COMP_POINT} typed=() blank piece i

	# Bash cuts words at '=' and ':', too: pieces with no blank between them are one word.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blank=${line%%[![:blank:]]*}
		line=${line#"$blank"}
		piece=${COMP_WORDS[i]}
		[[ $line == "$piece"* ]] || piece=$line
		if [[ $i == 0 || $blank ]]; then
			typed+=("$piece")
		else
			typed[-1]+=$piece
		fi
		line=${line#"$piece"}
	done

	# As the shell would hand them over, but without running anything.
	for i in "${!typed[@]}"; do
		[[ ${typed[i]} != '~/'* ]] || typed[i]=$HOME${typed[i]:1}
		typed[i]=${typed[i]//[\"\'\\]/}
	done

	# What bash does not replace of the last word.
	local cut=${typed[-1]}
	case $cut in
	*[:=]*) cut=${cut%"${cut##*[:=]}"} ;;
	*) cut= ;;
	esac
	[[ $COMP_WORDBREAKS == *[:=]* ]] || cut=
	[[ $piece != [:=] ]] || piece=

	local answer
	COMPREPLY=()
	while IFS= read -r answer; do
		i=${#COMPREPLY[@]}
		case $answer in
		:files) compopt -o filenames; mapfile -t -O "$i" COMPREPLY < <(compgen -f -- "$piece") ;;
		:directories) compopt -o filenames; mapfile -t -O "$i" COMPREPLY < <(compgen -d -- "$piece") ;;
		:commands) mapfile -t -O "$i" COMPREPLY < <(compgen -c -- "$piece") ;;
		*) answer=${answer%%$'\t'*}; COMPREPLY+=("${answer#"$cut"}") ;;
		esac
	done < <("${typed[0]}" completion words -- "${typed[@]}" 2>/dev/null </dev/null)
	# After `--color=` and `api:` something comes yet.
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[:=] ]] || compopt -o nospace
}

complete -F _stackup stackup
