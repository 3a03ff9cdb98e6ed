# Completion of stackup for fish. The program itself is asked what could stand at the cursor:
# a line for each word, a tab and what it is; ":files" and the like where names of files would do, too.

function __stackup_words
	set -l typed (commandline -opc)
	set -l current (commandline -ct | string replace -r '^~/' "$HOME/")
	$typed[1] completion words -- $typed "$current" 2>/dev/null </dev/null | while read -l answer
		switch $answer
			case :files
				__fish_complete_path $current
			case :directories
				__fish_complete_directories $current ''
			case :commands
				complete -C "$current"
			case '*'
				printf '%s\n' $answer
		end
	end
end

complete -c stackup -f -a '(__stackup_words)'
