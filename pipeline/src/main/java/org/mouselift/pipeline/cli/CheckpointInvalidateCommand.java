package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint invalidate}. */
@Command(
        name = "invalidate",
        mixinStandardHelpOptions = true,
        description = "Declare a checkpoint, or any folder such as a data set, unusable, and with it all checkpoints below DIR that were made from it.",
        sortOptions = false,
        footer = {"", "Every command that loads weights or data then refuses it with the reason.", "Nothing is deleted; logs stay readable.", "",
            "Examples:", "  mouselift checkpoint invalidate checkpoints mvdiffusion/v1/checkpoint-6000 --reason \"trained on human faces\"",
            "  mouselift checkpoint invalidate checkpoints data/mice-v2 --reason \"wrong UNet\" --remedy \"use data/mice-v3\""})
final class CheckpointInvalidateCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "Folder whose checkpoints are looked through for descendants.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Parameters(index = "1", paramLabel = "NAME", description = "Name as in the list, or a path.")
    private String name;

    @Option(names = "--reason", paramLabel = "TEXT", description = "Why, for whoever meets the refusal. Needed unless --undo.")
    private String reason;

    @Option(names = "--remedy", paramLabel = "TEXT", description = "What to use or do instead.")
    private String remedy = "";

    @Option(names = "--undo", description = "Take it back, also for what it was handed on to.")
    private boolean undo;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (undo != (reason == null) || reason != null && reason.isBlank()) {
            throw CommandException.usage(undo ? "--undo takes no --reason" : "--reason TEXT is missing", "Say why, so that others know what to do.");
        }
        CheckpointRegistry registry = CheckpointCommand.registry(folder);
        Path target;
        List<Artefact> descendants;
        Path place = Files.exists(registry.root().resolve(name)) ? registry.root().resolve(name) : Path.of(name);
        Optional<Artefact> known = registry.artefacts().stream().filter(a -> a.name().equals(name) || a.path().equals(place.toAbsolutePath().normalize())).findFirst();
        if (known.isPresent() || !Files.exists(place)) {
            Artefact artefact = registry.find(name);
            target = artefact.path();
            descendants = registry.descendants(artefact);
        } else {
            target = place.toAbsolutePath().normalize();
            descendants = registry.descendants(target);
        }
        return undo ? undo(target, descendants) : invalidate(target, descendants);
    }

    private int invalidate(Path target, List<Artefact> descendants) throws IOException {
        String date = LocalDate.now(ZoneOffset.UTC).toString();
        PrintWriter out = spec.commandLine().getOut();
        ArtefactStatus.read(target).withInvalidation(Optional.of(new ArtefactStatus.Invalidation(reason, remedy, date, ""))).write(target);
        out.println("invalid   " + target);
        for (Artefact child : descendants) {
            // One that was named itself keeps its own reason.
            if (child.status().invalidation().isEmpty() || !child.status().invalidation().get().parent().isEmpty()) {
                child.status().withInvalidation(Optional.of(new ArtefactStatus.Invalidation(reason, remedy, date, target.toString()))).write(child.path());
            }
            out.println("invalid   " + child.path() + " (made from it)");
        }
        out.println(1 + descendants.size() + " invalid: " + reason);
        return ExitCode.OK;
    }

    private int undo(Path target, List<Artefact> descendants) throws IOException {
        if (ArtefactStatus.read(target).invalidation().isEmpty()) {
            throw CommandException.badInput(target + " is not invalid", "mouselift checkpoint list shows what is.");
        }
        PrintWriter out = spec.commandLine().getOut();
        ArtefactStatus.read(target).withInvalidation(Optional.empty()).write(target);
        out.println("valid     " + target);
        for (Artefact child : descendants) {
            if (child.status().invalidation().filter(i -> i.parent().equals(target.toString())).isPresent()) {
                child.status().withInvalidation(Optional.empty()).write(child.path());
                out.println("valid     " + child.path());
            }
        }
        return ExitCode.OK;
    }
}
