package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts}: the text that tells the views apart, and its embeddings. */
@Command(
        name = "prompts",
        description = "Make, show, check and convert prompt embeddings: one sentence a view, as the text encoder puts it into numbers.",
        subcommands = {PromptsMakeCommand.class, PromptsShowCommand.class, PromptsCheckCommand.class, PromptsVerifyCommand.class, PromptsConvertCommand.class,
            PromptsStylesCommand.class})
final class PromptsCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "what about prompts? make, show, check, verify, convert or styles");
    }
}
