package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.pipeline.checkpoint.Artefact;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint tag}. */
@Command(
        name = "tag",
        mixinStandardHelpOptions = true,
        description = "Tag a checkpoint. The tags keep and best protect it from being cleared away, by hand or by a training.",
        footer = {"", "Example:", "  mouselift checkpoint tag checkpoints gslrm/mouse/ckpt_0000000000002000.safetensors keep paper"})
final class CheckpointTagCommand implements Callable<Integer> {
    private static final Pattern TAG = Pattern.compile("[a-z0-9][a-z0-9._-]{0,39}");

    @Parameters(index = "0", paramLabel = "DIR", description = "Folder.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Parameters(index = "1", paramLabel = "NAME", description = "Name as in the list, or a path.")
    private String name;

    @Parameters(index = "2..*", arity = "1..*", paramLabel = "TAG", description = "Words of small letters, digits, dot, dash and underscore.")
    private List<String> tags;

    @Option(names = "--remove", description = "Take the tags away.")
    private boolean remove;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        for (String tag : tags) {
            if (!TAG.matcher(tag).matches()) {
                throw CommandException.usage("'" + tag + "' is not a tag", "A tag has small letters, digits, dot, dash and underscore, at most 40.");
            }
        }
        Artefact artefact = CheckpointCommand.registry(folder).find(name);
        TreeSet<String> now = new TreeSet<>(artefact.status().tags());
        if (remove && !now.containsAll(tags)) {
            tags.stream().filter(tag -> !now.contains(tag)).findFirst().ifPresent(tag -> {
                throw CommandException.badInput(artefact.name() + " has no tag '" + tag + "'; it has " + (now.isEmpty() ? "none" : String.join(" ", now)), "");
            });
        }
        if (remove) {
            tags.forEach(now::remove);
        } else {
            now.addAll(tags);
        }
        ArtefactStatus status = artefact.status().withTags(now);
        status.write(artefact.path());
        spec.commandLine().getOut().println(artefact.name() + ": " + (now.isEmpty() ? "no tags" : "tags " + String.join(" ", now)) + (status.isProtected() ? " (protected)" : ""));
        return ExitCode.OK;
    }
}
